#include "compact/table.hpp"

#include <bit>

#include "support/require.hpp"

namespace sparsedistill {

std::span<const Line> view_lines(const std::uint8_t* bytes, std::size_t rows, std::size_t columns) {
  require(columns == sizeof(Line), "the compact table is not n x 64");
  require(reinterpret_cast<std::uintptr_t>(bytes) % alignof(Line) == 0, "the compact table is not aligned to 64 bytes");
  return {reinterpret_cast<const Line*>(bytes), rows};
}

CompactTable::CompactTable(std::span<const Line> lines, int slots, std::span<const std::int8_t> apart,
                           std::size_t apart_bytes, std::span<const std::uint64_t> filter, TokenizerConfig config,
                           bool closed)
    : data_(reinterpret_cast<const std::uint8_t*>(lines.data())),
      lines_(lines.size()),
      slots_(slots),
      apart_(apart),
      apart_bytes_(apart_bytes),
      apart_rows_(apart_bytes == 0 ? 0 : apart.size() / apart_bytes),
      filter_(filter),
      config_(config),
      closed_(closed) {
  require(slots >= 1 && slots <= layout::kMostSlots, "a line must have 1 to 10 slots");
  require(!lines.empty() && lines_ <= kMostLines, "the compact table must have 1 to 2^28 lines");
  require(apart_bytes == 0 ? apart.empty() : slots == layout::kApartSlots && apart.size() % apart_bytes == 0,
          "the size of the separate rows does not match the lines");
  require(filter.empty() != config.characters(), "the filter of character n-grams does not match the n-grams");
  require(filter.empty() || (std::has_single_bit(filter.size()) && filter.size() <= CharacterFilter::kMostWords),
          "the words of the filter of character n-grams must be a power of two, and at most 2^28");
}

std::uint64_t CompactTable::find(std::uint64_t key) const {
  const std::uint32_t fingerprint = fingerprint_of(key);
  std::uint64_t at = line_of(key, static_cast<std::uint32_t>(lines_));
  for (std::size_t step = 1;; ++step) {
    const std::uint8_t* line = data_ + at * kLineBytes;
    for (std::size_t slot = 0; slot < static_cast<std::size_t>(slots_); ++slot) {
      if (layout::load16(line + layout::fingerprints_at(slots_) + 2 * slot) == fingerprint) {
        return at * static_cast<std::uint64_t>(slots_) + slot;
      }
    }
    const bool later = (layout::load32(line + layout::overflow_at(slots_)) & overflow_bit(fingerprint)) != 0;
    if (!later || step == kMaxProbes) return kNone;
    at = next_probe(key, at, step, lines_);
  }
}

std::uint32_t CompactTable::followers(std::uint64_t slot) const {
  const auto slots = static_cast<std::uint64_t>(slots_);
  return layout::load16(data_ + slot / slots * kLineBytes + layout::followers_at(slots_) + 2 * (slot % slots));
}

const std::int8_t* CompactTable::row_or_null(std::uint64_t slot) const {
  const auto slots = static_cast<std::uint64_t>(slots_);
  const std::uint8_t* inside = data_ + slot / slots * kLineBytes + slot % slots * layout::row_bytes(slots_);
  if (!apart()) return reinterpret_cast<const std::int8_t*>(inside);
  const std::size_t row = layout::load32(inside);
  return row < apart_rows_ ? apart_.data() + row * apart_bytes_ : nullptr;
}

std::span<const std::int8_t> CompactTable::row(std::uint64_t slot) const {
  const std::int8_t* bytes = row_or_null(slot);
  require(bytes != nullptr, "the compact table refers to a missing row");
  return {bytes, row_bytes()};
}

CompactTable::Found CompactTable::find_rows(std::span<const std::uint64_t> keys, bool characters) const {
  require(!characters || config_.characters(), "the compact table has no character n-grams");
  Found found;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t slot = characters ? find_characters(keys[i]) : find(keys[i]);
    if (slot == kNone) continue;
    found.positions.push_back(static_cast<std::int64_t>(i));
    const std::span<const std::int8_t> its = row(slot);
    found.rows.insert(found.rows.end(), its.begin(), its.end());
  }
  return found;
}

}  // namespace sparsedistill
