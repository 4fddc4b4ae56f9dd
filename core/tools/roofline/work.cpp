#include "tools/roofline/work.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "compact/kernel.hpp"
#include "tools/roofline/machine.hpp"

namespace sparsedistill::roofline {

namespace {

std::uint32_t followers(const CompactTable& table, std::uint64_t slot) {
  if (slot == CompactTable::kNone) return table.closed() ? 0 : 0xFFFF;
  return table.followers(slot);
}

}  // namespace

Work::Work(const CompactTable& table, Texts texts) : sums(texts.size() * table.row_bytes()) {
  for (std::size_t text = 0; text < texts.size(); ++text) add(table, texts[text], &sums[text * table.row_bytes()]);
}

std::size_t Work::distinct_lines() const {
  return std::unordered_set<std::uint32_t>(lines.begin(), lines.end()).size();
}

void Work::add(const CompactTable& table, std::string_view text, std::int64_t* sum) {
  std::vector<std::uint64_t> hashes;
  TokenStream stream(text, table.config());
  for (Token token{}; stream.next(token);) hashes.push_back(token.hash);
  tokens += hashes.size();
  std::vector<std::pair<std::uint64_t, std::size_t>> candidates;  // rolled hash, first token
  candidates.reserve(hashes.size());
  for (std::size_t start = 0; start < hashes.size(); ++start) candidates.emplace_back(hashes[start], start);
  std::unordered_set<std::uint64_t> seen;
  for (int order = 1; order <= table.config().max_ngram; ++order) {
    std::vector<std::pair<std::uint64_t, std::size_t>> longer;
    lookups[order - 1] += candidates.size();
    for (const auto& [rolled, start] : candidates) {
      const std::uint64_t key = key_of(rolled, order);
      lines.push_back(line_of(key, static_cast<std::uint32_t>(table.lines())));
      const std::size_t next = start + static_cast<std::size_t>(order);
      const std::uint64_t slot = table.find(key);
      if (slot != CompactTable::kNone) hit(table, slot, seen.insert(slot).second, sum);
      if (next < hashes.size() && (followers(table, slot) & follower_bit(hashes[next])) != 0) {
        longer.emplace_back(roll(rolled, hashes[next]), start);
      }
    }
    candidates.swap(longer);
  }
  hit_ends.push_back(hits.size());
  fresh_ends.push_back(fresh.size());
}

void Work::hit(const CompactTable& table, std::uint64_t slot, bool first, std::int64_t* sum) {
  const auto slots = static_cast<std::uint64_t>(table.slots());
  hits.push_back(static_cast<std::uint32_t>(slot / slots * CompactScratch::kPlaces + slot % slots));
  if (!first) return;
  fresh.push_back(hits.back());
  for (const std::int8_t number : table.row(slot)) *sum++ += number;
}

std::vector<Range> batches(Texts texts) { return cut(texts, 1 << 16, CompactScratch::kTexts / 2); }

void check_sums(const CompactTable& table, Texts texts, InstructionSet set, const Work& work) {
  CompactScratch scratch(table);
  const SumTexts sum = sum_texts_kernel(set, table);
  for (const Range range : batches(texts)) {
    sum(table, &texts[range.begin], range.size(), false, scratch);
    for (std::size_t i = 0; i < range.size(); ++i) {
      const std::size_t text = range.begin + i;
      const std::size_t before = text == 0 ? 0 : work.fresh_ends[text - 1];
      const std::int64_t* sums = scratch.sums.data() + i * table.row_bytes();
      if (scratch.counts[i].items != work.fresh_ends[text] - before ||
          !std::equal(sums, sums + table.row_bytes(), work.sums.data() + text * table.row_bytes())) {
        fail("the sums of the kernel differ from those of single lookups");
      }
    }
  }
}

}  // namespace sparsedistill::roofline
