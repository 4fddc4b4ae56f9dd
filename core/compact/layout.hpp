// The layout of a compact table: n-grams, the tokens that can follow them, and their rows in one hash table.
//
// A line has 64 bytes, one cache line, and 1 to 10 slots, as many as fit for the size of a row:
//
//   rows           slots x row_bytes   int8, the parts of a row's numbers (see compact/network.hpp)
//   followers      slots x uint16      bit (token hash >> 60) is set if the table has this n-gram extended by such a
//                                      token: most lookups that would fail are skipped
//   overflow       uint32              bit (fingerprint >> 11) is set if such a key is stored in a later line
//   fingerprints   slots x uint16      16 bits of the key; 0: empty
//
// Rows wider than a line are stored separately, and the slot has the number of the row. Two keys with the same line and
// fingerprint are indistinguishable: the builder keeps the first and counts the others (one in 7,000). One in 8,000
// lookups of a missing n-gram finds the row of another. Fingerprints of twice the size would reduce that to never, but
// would make the table half as large again, and cache misses determine the speed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sparsedistill {

inline constexpr std::size_t kLineBytes = 64;

struct alignas(kLineBytes) Line {
  std::uint8_t bytes[kLineBytes];
};

namespace layout {

inline constexpr int kMostSlots = 10;
inline constexpr int kApartSlots = 7;  // room for 4 bytes: the number of a row stored separately

constexpr std::size_t row_bytes(int slots) {
  return (60 - 4 * static_cast<std::size_t>(slots)) / static_cast<std::size_t>(slots);
}
constexpr std::size_t fingerprints_at(int slots) { return kLineBytes - 2 * static_cast<std::size_t>(slots); }
constexpr std::size_t overflow_at(int slots) { return fingerprints_at(slots) - 4; }
constexpr std::size_t followers_at(int slots) { return overflow_at(slots) - 2 * static_cast<std::size_t>(slots); }

// The maximum number of slots per line for rows of `bytes` bytes; 0 if not even one fits.
constexpr int slots_for(std::size_t bytes) {
  for (int slots = kMostSlots; slots > 0; --slots) {
    if (row_bytes(slots) >= bytes) return slots;
  }
  return 0;
}

inline std::uint32_t load32(const std::uint8_t* p) {
  std::uint32_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

inline std::uint16_t load16(const std::uint8_t* p) {
  std::uint16_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace layout

// 16 hash bits of the low half of a key, with 0, the mark of an empty slot, replaced by 1. Takes one value or a vector
// of them.
template <class Ints>
__attribute__((always_inline)) inline Ints fingerprint_of(Ints low) {
  const Ints bits = (low >> 3) & 0xFFFF;
  return bits | (bits - 1) >> 31;
}

inline std::uint32_t fingerprint_of(std::uint64_t key) { return fingerprint_of(static_cast<std::uint32_t>(key)); }

inline std::uint32_t overflow_bit(std::uint32_t fingerprint) { return std::uint32_t{1} << (fingerprint >> 11); }
inline std::uint32_t follower_bit(std::uint64_t token_hash) { return std::uint32_t{1} << (token_hash >> 60); }

// The home line of a key: key * lines / 2^64. Takes one value or a vector of them.
template <class Longs>
__attribute__((always_inline)) inline Longs line_of(Longs key, std::uint32_t lines) {
  return ((key >> 32) * lines + ((key & 0xFFFFFFFF) * lines >> 32)) >> 32;
}

}  // namespace sparsedistill
