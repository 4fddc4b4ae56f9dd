#include "vocabulary/extraction.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "support/require.hpp"
#include "vocabulary/finder.hpp"
#include "vocabulary/parts.hpp"
#include "vocabulary/row_set.hpp"

namespace sparsedistill {

namespace {

constexpr std::int64_t kTags = 4;  // rows of pairs are tagged with their part as row * kTags + part

// A random number for each (seed, text, position), the same on every machine (the finalizer of SplitMix64).
std::uint64_t random_at(std::uint64_t seed, std::uint64_t text, std::uint64_t position) {
  std::uint64_t x = seed * kSeed0 + text * kSeed1 + position * kSeed2 + kSeed3;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

void drop_some(std::vector<std::int64_t>& rows, std::size_t begin, std::size_t text, const ExtractionConfig& config) {
  const auto threshold = static_cast<std::uint64_t>(config.dropout * 0x1p32);
  std::size_t kept = begin;
  for (std::size_t i = begin; i < rows.size(); ++i) {
    if ((random_at(config.seed, text, i - begin) >> 32) >= threshold) rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

void choose_some(std::vector<std::int64_t>& rows, std::size_t begin, std::size_t text, const ExtractionConfig& config) {
  const std::size_t count = rows.size() - begin;
  for (std::size_t i = 0; i < config.max_ngrams; ++i) {
    const std::uint64_t other = i + random_at(~config.seed, text, i) % (count - i);
    std::swap(rows[begin + i], rows[begin + other]);
  }
  rows.resize(begin + config.max_ngrams);
}

// Applies dropout and max_ngrams to the rows from `begin` on.
void sample(std::vector<std::int64_t>& rows, std::size_t begin, std::size_t text, const ExtractionConfig& config) {
  if (config.dropout > 0) drop_some(rows, begin, text, config);
  if (config.max_ngrams > 0 && rows.size() - begin > config.max_ngrams) choose_some(rows, begin, text, config);
}

void record(Extraction& result, std::size_t text, const NgramFinder::Counts& counts) {
  result.tokens[text] = static_cast<std::int64_t>(counts.tokens);
  result.known[text] = static_cast<std::int64_t>(counts.known);
}

// Appends the rows of the texts in `range` to `rows`. Writes the sizes of segments to `offsets`, from 1 on.
void extract_texts(const Vocabulary& vocabulary, Texts texts, Range range, const ExtractionConfig& config,
                   std::vector<std::int64_t>& rows, Extraction& result) {
  NgramFinder find(vocabulary);
  RowSet seen;
  for (std::size_t text = range.begin; text < range.end; ++text) {
    const std::size_t begin = rows.size();
    seen.clear();
    record(result, text, find(texts[text], [&](std::uint32_t row) {
             if (seen.insert(row)) rows.push_back(row);
           }));
    sample(rows, begin, text, config);
    result.offsets[text + 1] = static_cast<std::int64_t>(rows.size() - begin);
  }
}

// The same for pairs, with a segment for each part. The parts are sampled together.
void extract_pairs(const Vocabulary& vocabulary, Texts texts, Texts pairs, Range range, const ExtractionConfig& config,
                   std::vector<std::int64_t>& rows, Extraction& result) {
  PairFinder find(vocabulary);
  std::vector<std::int64_t> tagged;
  for (std::size_t text = range.begin; text < range.end; ++text) {
    record(result, text, find(texts[text], pairs[text], [](std::uint32_t) {}));
    tagged.clear();
    for (const Part part : {kShared, kFirst, kSecond}) {
      for (const std::int64_t row : find.part(part)) tagged.push_back(row * kTags + part);
    }
    sample(tagged, 0, text, config);
    for (const Part part : {kShared, kFirst, kSecond}) {
      const std::size_t begin = rows.size();
      for (const std::int64_t row : tagged) {
        if (row % kTags == part) rows.push_back(row / kTags);
      }
      result.offsets[kParts * text + part + 1] = static_cast<std::int64_t>(rows.size() - begin);
    }
  }
}

}  // namespace

Extraction extract(const Vocabulary& vocabulary, Texts texts, Texts pairs, const ExtractionConfig& config) {
  require(config.dropout >= 0 && config.dropout < 1, "dropout must be at least 0 and below 1");
  require(pairs.empty() || pairs.size() == texts.size(), "the numbers of first and second texts differ");
  const bool paired = !pairs.empty();
  const std::vector<Range> ranges = cut(texts, 1 << 16, 1024);
  Extraction result;
  result.parts.resize(ranges.size());
  result.offsets.resize((paired ? kParts : 1) * texts.size() + 1);
  result.tokens.resize(texts.size());
  result.known.resize(texts.size());
  for_each_parallel(ranges.size(), config.threads, [&](std::size_t, std::size_t item) {
    if (paired) {
      extract_pairs(vocabulary, texts, pairs, ranges[item], config, result.parts[item], result);
    } else {
      extract_texts(vocabulary, texts, ranges[item], config, result.parts[item], result);
    }
  });
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  return result;
}

void Extraction::write(std::span<std::int64_t> rows, std::size_t threads) const {
  std::vector<std::size_t> begins(parts.size());
  for (std::size_t part = 1; part < parts.size(); ++part) begins[part] = begins[part - 1] + parts[part - 1].size();
  for_each_parallel(parts.size(), threads, [&](std::size_t, std::size_t part) {
    std::ranges::copy(parts[part], rows.subspan(begins[part]).begin());
  });
}

}  // namespace sparsedistill
