#include "compact/unknown_words.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace sparsedistill {

namespace {

constexpr std::size_t kMostEntries = 4096;
constexpr std::size_t kCachedNumbers = std::size_t{1} << 18;
constexpr double kLargest = 0x7FFFFFFF;  // sums of 2^32 such rows fit in 64 bits

std::size_t entries_for(std::size_t row_bytes) {
  return std::bit_floor(std::clamp<std::size_t>(kCachedNumbers / row_bytes, 16, kMostEntries));
}

}  // namespace

RowNumbers::RowNumbers(const CompactNetwork& network) : wide(network.wide) {
  shift.reserve(network.dims());
  for (std::size_t d = 0; d < network.dims(); ++d) {
    const double quotient = double{network.centre[d]} / double{network.scale[d]};
    shift.push_back(std::isfinite(quotient) ? quotient : 0.0);
  }
}

UnknownWords::UnknownWords(const CompactTable& table, RowNumbers numbers)
    : table_(table), numbers_(std::move(numbers)), word_(table.config()) {
  if (!table.config().characters()) return;
  if (numbers_.shift.empty()) numbers_.shift.resize(table.row_bytes());
  totals_.resize(numbers_.shift.size());
  entries_.resize(entries_for(table.row_bytes()));
  rows_.resize(entries_.size() * table.row_bytes());
}

UnknownWords::Added UnknownWords::add(std::span<const std::uint32_t> missed, const std::uint64_t* hashes,
                                      const std::string_view* spans, bool second, std::int64_t* sums,
                                      std::int64_t* shared_sums) {
  Added added;
  const std::size_t bytes = table_.row_bytes();
  for (const std::uint32_t token : missed) {
    const std::uint64_t key = key_of(hashes[token], 1);
    if (spans[token].empty() || !seen_[second ? 1 : 0].insert(key).second) continue;
    const std::int32_t* numbers = row(key, spans[token]);
    if (numbers == nullptr) continue;
    ++added.words;
    for (std::size_t lane = 0; lane < bytes; ++lane) sums[lane] += numbers[lane];
    if (!second || !seen_[0].contains(key)) continue;
    ++added.shared;
    for (std::size_t lane = 0; lane < bytes; ++lane) shared_sums[lane] += numbers[lane];
  }
  return added;
}

const std::int32_t* UnknownWords::row(std::uint64_t key, std::string_view word) {
  const std::size_t at = (key >> 3) & (entries_.size() - 1);
  Entry& entry = entries_[at];
  std::int32_t* numbers = &rows_[at * table_.row_bytes()];
  if (entry.key != key) entry = {key, compute(word, numbers)};
  return entry.found ? numbers : nullptr;
}

bool UnknownWords::compute(std::string_view word, std::int32_t* row) {
  keys_.clear();
  word_.read(word);
  word_.for_each([&](std::uint64_t key, std::size_t, std::size_t) {
    table_.prefetch(key);
    keys_.push_back(key);
  });
  const std::size_t wide = numbers_.wide;
  std::ranges::fill(totals_, 0);
  std::size_t found = 0;
  for (const std::uint64_t key : keys_) {
    const std::uint64_t slot = table_.find(key);
    if (slot == CompactTable::kNone) continue;
    ++found;
    const std::int8_t* bytes = table_.row_or_null(slot);
    if (bytes == nullptr) continue;  // the file is damaged
    for (std::size_t d = 0; d < wide; ++d) totals_[d] += 256 * bytes[2 * d] + bytes[2 * d + 1];
    for (std::size_t d = wide; d < totals_.size(); ++d) totals_[d] += bytes[wide + d];
  }
  if (found == 0) return false;
  const double root = std::sqrt(static_cast<double>(found));
  std::fill_n(row, table_.row_bytes(), 0);
  for (std::size_t d = 0; d < totals_.size(); ++d) {
    const double number = static_cast<double>(totals_[d]) / root + (root - 1) * numbers_.shift[d];
    const auto rounded = static_cast<std::int32_t>(std::llrint(std::clamp(number, -kLargest, kLargest)));
    row[d < wide ? 2 * d + 1 : wide + d] = rounded;
  }
  return true;
}

}  // namespace sparsedistill
