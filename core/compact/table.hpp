// The compact table, read in place from memory or a mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compact/character_filter.hpp"
#include "compact/layout.hpp"
#include "text/ngrams.hpp"
#include "vocabulary/probes.hpp"

namespace sparsedistill {

// Views `bytes`, a row-major array of `rows` x `columns`, as lines. Throws std::invalid_argument if it is not `rows` x
// 64 or not aligned to 64 bytes.
std::span<const Line> view_lines(const std::uint8_t* bytes, std::size_t rows, std::size_t columns);

// A view of the lines of a table, which must outlive it. See compact/layout.hpp.
class CompactTable {
 public:
  static constexpr std::uint64_t kMostLines = std::uint64_t{1} << 28;  // the kernels count slots in 32 bits

  // `apart` has the rows, of `apart_bytes` each, if they are stored separately; else it is empty. A table is `closed`
  // under prefixes if it contains all prefixes of its n-grams; else n-grams are looked up even after a missing prefix.
  // `filter` has the words of the filter of character n-grams, and is empty if the n-grams have none. Throws
  // std::invalid_argument if the sizes do not match.
  CompactTable(std::span<const Line> lines, int slots, std::span<const std::int8_t> apart, std::size_t apart_bytes,
               std::span<const std::uint64_t> filter, TokenizerConfig config, bool closed);

  [[nodiscard]] int slots() const { return slots_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] bool apart() const { return apart_bytes_ > 0; }
  [[nodiscard]] std::size_t apart_bytes() const { return apart_bytes_; }
  [[nodiscard]] std::size_t apart_rows() const { return apart_rows_; }
  [[nodiscard]] const std::int8_t* apart_data() const { return apart_.data(); }
  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] const TokenizerConfig& config() const { return config_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const CharacterFilter& filter() const { return filter_; }
  // Bytes that are read per row. The last ones of a row in a line can be unused.
  [[nodiscard]] std::size_t row_bytes() const { return apart() ? apart_bytes_ : layout::row_bytes(slots_); }

  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  // The slot (line * slots + place in the line) of a key, or kNone.
  [[nodiscard]] std::uint64_t find(std::uint64_t key) const;
  // The same for the key of a character n-gram.
  [[nodiscard]] std::uint64_t find_characters(std::uint64_t key) const {
    return filter_.passes(key) ? find(key) : kNone;
  }
  // The followers of the n-gram in a slot that find() returned.
  [[nodiscard]] std::uint32_t followers(std::uint64_t slot) const;
  // The row of a slot that find() returned. Throws std::invalid_argument if the table refers to a missing row.
  [[nodiscard]] std::span<const std::int8_t> row(std::uint64_t slot) const;

  // The row_bytes() bytes of the row, or null for a missing row.
  [[nodiscard]] const std::int8_t* row_or_null(std::uint64_t slot) const;

  // Prefetches the line in which find() begins.
  void prefetch(std::uint64_t key) const {
    __builtin_prefetch(data_ + line_of(key, static_cast<std::uint32_t>(lines_)) * kLineBytes);
  }

  struct Found {
    std::vector<std::int64_t> positions;  // of the keys in the table
    std::vector<std::int8_t> rows;        // positions x row_bytes
  };
  // The rows of those of `keys` that are in the table; all of them are keys of character n-grams, or none is.
  [[nodiscard]] Found find_rows(std::span<const std::uint64_t> keys, bool characters = false) const;

 private:
  const std::uint8_t* data_;
  std::uint64_t lines_;
  int slots_;
  std::span<const std::int8_t> apart_;
  std::size_t apart_bytes_;
  std::size_t apart_rows_;
  CharacterFilter filter_;
  TokenizerConfig config_;
  bool closed_;
};

}  // namespace sparsedistill
