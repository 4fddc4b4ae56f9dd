#include "vocabulary/counter.hpp"

#include <algorithm>
#include <utility>

#include "support/require.hpp"
#include "text/characters.hpp"
#include "vocabulary/selection.hpp"

namespace sparsedistill {

Counter::Counter(const CounterConfig& config, std::size_t most_in_memory)
    : config_(config), keys_(std::max<std::size_t>(1, config.threads)), runs_(config.directory) {
  require(config.memory >= kLeastMemory, "counting needs at least 256 MiB of memory");
  const std::size_t block =
      kBlockBytes * sizeof(std::uint64_t) * static_cast<std::size_t>(config.tokenizer.most_ngrams());
  const double slots = static_cast<double>(config.memory - block - kBuffers) / CountTable::kSlotBytes;
  // Tables grow by kGrowth, so even full tables may have just grown: assume the lowest load factor.
  capacity_ = static_cast<std::size_t>(slots * CountTable::kLoadFactor / CountTable::kGrowth);
  capacity_ = std::min(capacity_, most_in_memory);
}

void Counter::add(Texts texts) {
  std::vector<std::string_view> pieces;
  std::size_t filled = 0;
  const auto flush = [&] {
    add_block(pieces);
    pieces.clear();
    filled = 0;
  };
  for (std::string_view text : texts) {
    // A text larger than a block is split, at a space if it has one.
    while (text.size() > kBlockBytes) {
      std::size_t end = text.rfind(' ', kBlockBytes);
      if (end == std::string_view::npos || end == 0) end = kBlockBytes;
      pieces.push_back(text.substr(0, end));
      flush();
      text.remove_prefix(end);
    }
    if (filled + text.size() > kBlockBytes) flush();
    pieces.push_back(text);
    filled += text.size();
  }
  flush();
  texts_ += texts.size();
}

void Counter::add_block(Texts block) {
  const std::vector<Range> ranges = cut(block, 1 << 14, 1024);
  std::vector<std::uint64_t> tokens(keys_.size());
  std::vector<std::vector<std::uint64_t>> scratch(keys_.size());
  for_each_parallel(ranges.size(), keys_.size(), [&](std::size_t thread, std::size_t item) {
    for (std::size_t i = ranges[item].begin; i < ranges[item].end; ++i) {
      collect(block[i], keys_[thread], scratch[thread], tokens[thread]);
    }
  });
  for (const std::uint64_t count : tokens) tokens_ += count;

  std::size_t total = 0;
  for (const Keys& keys : keys_) {
    for (const auto& shard : keys) total += shard.size();
  }
  make_room(total);

  for_each_parallel(kShards, keys_.size(), [&](std::size_t, std::size_t shard) {
    CountTable& table = tables_[shard];
    for (Keys& keys : keys_) {
      std::vector<std::uint64_t>& mine = keys[shard];
      constexpr std::size_t kAhead = 12;
      for (std::size_t i = 0; i < mine.size(); ++i) {
        if (i + kAhead < mine.size()) table.prefetch(mine[i + kAhead]);
        table.add(mine[i]);
      }
      mine.clear();
    }
  });
}

void Counter::collect(std::string_view text, Keys& keys, std::vector<std::uint64_t>& scratch,
                      std::uint64_t& tokens) const {
  std::array<std::uint64_t, kMaxNgram> rolled{};  // by order, of the n-grams that end at the previous token
  const int max_ngram = config_.tokenizer.max_ngram;
  TokenStream stream(text, config_.tokenizer);
  WordCharacters word(config_.tokenizer);
  scratch.clear();
  int seen = 0;
  for (Token token{}; stream.next(token); ++tokens) {
    seen = std::min(seen + 1, max_ngram);
    for (int order = seen; order >= 1; --order) {
      rolled[order - 1] = order == 1 ? token.hash : roll(rolled[order - 2], token.hash);
      scratch.push_back(key_of(rolled[order - 1], order));
    }
    if (config_.tokenizer.characters() && token.begin != token.end) {
      word.read(text.substr(token.begin, token.end - token.begin));
      word.for_each([&](std::uint64_t key, std::size_t, std::size_t) { scratch.push_back(key); });
    }
  }
  if (config_.by_document) {
    std::ranges::sort(scratch);
    scratch.erase(std::ranges::unique(scratch).begin(), scratch.end());
  }
  for (const std::uint64_t key : scratch) keys[key >> (64 - kShardBits)].push_back(key);
}

std::size_t Counter::size() const {
  std::size_t total = 0;
  for (const CountTable& table : tables_) total += table.size();
  return total;
}

// Empties the tables, or prunes them, if `keys` more keys might not fit.
void Counter::make_room(std::size_t keys) {
  if (size() + keys <= capacity_) return;
  if (config_.directory.empty()) {
    prune();
  } else {
    spill([] {});
  }
}

void Counter::prune() {
  // Prune to half of the capacity, so that pruning is rare.
  std::vector<std::size_t> with_count(256);
  std::size_t left = 0;
  for (const CountTable& table : tables_) {
    table.for_each([&](std::uint64_t, std::uint64_t count) { ++with_count[std::min<std::uint64_t>(count, 255)]; });
    left += table.size();
  }
  std::uint32_t threshold = 0;
  while (threshold < 254 && left > capacity_ / 2) left -= with_count[++threshold];
  for_each_parallel(kShards, keys_.size(), [&](std::size_t, std::size_t shard) { tables_[shard].prune(threshold); });
  error_bound_ += threshold;
}

void Counter::spill(const Pause& pause) {
  if (size() == 0) return;
  RunFile run = RunFile::temporary(config_.directory);
  RunWriter writer(run);
  visit_tables(1, [&](const NgramCount& count) { writer.add(count); });
  writer.finish();
  for_each_parallel(kShards, keys_.size(), [&](std::size_t, std::size_t shard) { tables_[shard].clear(); });
  runs_.add(std::move(run), pause);
  ++spills_;
}

void Counter::visit_tables(std::uint64_t least, const VisitCount& visit) const {
  // The shards are in the order of their keys. Each thread sorts one, then all are visited.
  std::vector<std::vector<NgramCount>> sorted(keys_.size());
  for (std::size_t first = 0; first < kShards; first += sorted.size()) {
    const std::size_t shards = std::min(sorted.size(), kShards - first);
    for_each_parallel(shards, keys_.size(), [&](std::size_t, std::size_t item) {
      std::vector<NgramCount>& counts = sorted[item];
      counts.clear();
      tables_[first + item].for_each([&](std::uint64_t key, std::uint64_t count) {
        if (count >= least) counts.push_back({key, count});
      });
      std::ranges::sort(counts, {}, &NgramCount::key);
    });
    for (std::size_t item = 0; item < shards; ++item) std::ranges::for_each(sorted[item], visit);
  }
}

void Counter::finish_runs(const Pause& pause) {
  if (runs_.empty()) return;
  spill(pause);
  for (CountTable& table : tables_) table = CountTable();
}

std::vector<NgramCount> Counter::select(std::size_t most, std::uint64_t least, const Pause& pause) {
  finish_runs(pause);
  if (!runs_.empty()) return runs_.select(most, least, pause);
  Selection selection(most, least);
  for (const CountTable& table : tables_) {
    table.for_each([&](std::uint64_t key, std::uint64_t count) { selection.count({key, count}); });
  }
  visit_tables(selection.choose(), [&](const NgramCount& count) { selection.take(count); });
  return selection.chosen();
}

std::uint64_t Counter::write(RunFile file, const Pause& pause) {
  finish_runs(pause);
  if (!runs_.empty()) return runs_.write(std::move(file), pause);
  RunWriter writer(file);
  visit_tables(1, [&](const NgramCount& count) { writer.add(count); });
  writer.finish();
  return size();
}

}  // namespace sparsedistill
