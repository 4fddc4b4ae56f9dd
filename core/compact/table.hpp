// The serving form: n-grams, what may follow them, and their rows in one hash table, a cache line a probe.
//
// A line has 64 bytes and 1 to 10 slots, as many as the width of a row leaves room for:
//
//   rows           slots x row_bytes   int8, the pieces of its numbers (see compact_classifier.hpp)
//   followers      slots x uint16      bit (hash of a token >> 60) is set where an n-gram of the table is
//                                      this one and that token: most look-ups that would fail are not made
//   overflown      uint32              bit (fingerprint >> 11) is set where that key stands in a later line
//   fingerprints   slots x uint16      16 bits of the key; 0: empty
//
// Rows wider than a line are kept apart, and the slot holds the number of its row. Keys that agree in
// line and fingerprint cannot be told apart: the builder keeps the first and says how many it lost (one of
// 7,000), and of 8,000 look-ups of what is not in the table one finds a row of another n-gram. Fingerprints
// of twice the size make that never, and the table half as large again: it is the caches that set the pace.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "text/ngrams.hpp"

namespace sparsedistill {

inline constexpr std::size_t kLineBytes = 64;

namespace layout {

inline constexpr int kMostSlots = 10;
inline constexpr int kApartSlots = 7;  // room for 4 bytes: the number of a row that is kept apart

constexpr std::size_t row_bytes(int slots) {
  return (60 - 4 * static_cast<std::size_t>(slots)) / static_cast<std::size_t>(slots);
}
constexpr std::size_t fingerprints_at(int slots) { return kLineBytes - 2 * static_cast<std::size_t>(slots); }
constexpr std::size_t overflown_at(int slots) { return fingerprints_at(slots) - 4; }
constexpr std::size_t followers_at(int slots) { return overflown_at(slots) - 2 * static_cast<std::size_t>(slots); }

// The most slots to a line whose rows hold `bytes`; 0 where not even one does.
constexpr int slots_for(std::size_t bytes) {
  for (int slots = kMostSlots; slots > 0; --slots) {
    if (row_bytes(slots) >= bytes) return slots;
  }
  return 0;
}

inline std::uint32_t load32(const std::uint8_t* p) {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

inline std::uint16_t load16(const std::uint8_t* p) {
  std::uint16_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace layout

// 16 bits of the hash, of the low half of a key or of a vector of them; 1 for 0, which stands for an empty slot.
template <class Ints>
__attribute__((always_inline)) inline Ints fingerprint_of(Ints low) {
  const Ints bits = (low >> 3) & 0xFFFF;
  return bits | (bits - 1) >> 31;
}

inline std::uint32_t fingerprint_of(std::uint64_t key) { return fingerprint_of(static_cast<std::uint32_t>(key)); }

inline std::uint32_t overflow_bit(std::uint32_t fingerprint) { return std::uint32_t{1} << (fingerprint >> 11); }
inline std::uint32_t follower_bit(std::uint64_t token_hash) { return std::uint32_t{1} << (token_hash >> 60); }

// key * lines / 2^64, of one key or of a vector of them.
template <class Longs>
__attribute__((always_inline)) inline Longs line_of(Longs key, std::uint32_t lines) {
  return ((key >> 32) * lines + ((key & 0xFFFFFFFF) * lines >> 32)) >> 32;
}

// A view of the lines of a table, in memory or in a mapped file, that must outlive it.
class CompactTable {
 public:
  static constexpr std::uint32_t kReach = 64;                          // lines that a key may stand from its own
  static constexpr std::uint64_t kMostLines = std::uint64_t{1} << 28;  // slots are counted in 32 bits

  // `apart` holds rows of `apart_bytes` each where they do not stand in the lines; else it is empty.
  // Throws std::invalid_argument where the sizes do not fit.
  CompactTable(std::span<const std::uint8_t> lines, int slots, std::span<const std::int8_t> apart,
               std::size_t apart_bytes, TokenizerConfig config, bool closed);

  [[nodiscard]] int slots() const { return slots_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] bool apart() const { return apart_bytes_ > 0; }
  [[nodiscard]] std::size_t apart_bytes() const { return apart_bytes_; }
  [[nodiscard]] std::size_t apart_rows() const { return apart_rows_; }
  [[nodiscard]] const std::int8_t* apart_data() const { return apart_.data(); }
  [[nodiscard]] const std::uint8_t* data() const { return data_.data(); }
  [[nodiscard]] const TokenizerConfig& config() const { return config_; }
  // Whether an n-gram in the table has all its prefixes in it; else longer ones are looked up past a miss.
  [[nodiscard]] bool closed() const { return closed_; }
  // Bytes of a row as it is read: a power of two where it stands in a line, of which the last may be others'.
  [[nodiscard]] std::size_t row_bytes() const { return apart() ? apart_bytes_ : layout::row_bytes(slots_); }

  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  // The slot (line * slots + place) of a key, or kNone.
  [[nodiscard]] std::uint64_t find(std::uint64_t key) const;
  // What may follow the n-gram of a slot that find() gave.
  [[nodiscard]] std::uint32_t followers(std::uint64_t slot) const;
  // The row of a slot that find() gave.
  [[nodiscard]] std::span<const std::int8_t> row(std::uint64_t slot) const;

 private:
  std::span<const std::uint8_t> data_;
  std::uint64_t lines_;
  int slots_;
  std::span<const std::int8_t> apart_;
  std::size_t apart_bytes_;
  std::size_t apart_rows_;
  TokenizerConfig config_;
  bool closed_;
};

struct CompactBuild {
  std::vector<std::uint8_t> lines;  // begins anywhere: copy it to a multiple of 64
  std::size_t lost = 0;             // keys that could not be told from one before
};

// Lines for `keys` (n), whose rows are `rows` (n x row_bytes, at most what `slots` leave room for) and which
// `followers` (n) may follow. Throws std::invalid_argument where sizes differ or a key comes twice.
CompactBuild build_compact(std::span<const std::uint64_t> keys, std::span<const std::uint8_t> rows,
                           std::size_t row_bytes, std::span<const std::uint16_t> followers, int slots);

// What may follow each of `keys`, from the n-grams as strings in the same order; 0 for those that nothing
// follows. Prefixes that are not among the keys are passed over.
std::vector<std::uint16_t> followers_of(std::span<const std::uint64_t> keys, std::span<const std::string> ngrams);

}  // namespace sparsedistill
