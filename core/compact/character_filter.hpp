// A filter of the character n-grams of a compact table: words of 64 bits, in which each n-gram sets two bits of one.
//
// An unknown word has about four character n-grams per letter, far apart in memory, and most are not in the table. The
// filter is small enough for a cache near the core, and passes one in ten of those that are missing.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sparsedistill {

class CharacterFilter {
 public:
  static constexpr std::size_t kMostWords = std::size_t{1} << 28;
  static constexpr std::size_t kNgramsPerWord = 12;  // at most

  // The number of words must be a power of two, or 0: then nothing may be asked.
  explicit CharacterFilter(std::span<const std::uint64_t> words) : words_(words.data()), mask_(words.size() - 1) {}

  // Whether the table may have the character n-gram with this key.
  [[nodiscard]] bool passes(std::uint64_t key) const {
    const std::uint64_t bits = bits_of(key);
    return (words_[place(key) & mask_] & bits) == bits;
  }

  [[nodiscard]] const std::uint64_t* words() const { return words_; }
  [[nodiscard]] std::uint64_t mask() const { return mask_; }  // of places

  // The place of the word of a key, modulo the number of words, and the bits in it.
  static std::uint64_t place(std::uint64_t key) { return key >> 20; }
  static std::uint64_t bits_of(std::uint64_t key) {
    return std::uint64_t{1} << (key >> 58) | std::uint64_t{1} << (key >> 52 & 63);
  }

 private:
  const std::uint64_t* words_;
  std::uint64_t mask_;
};

// The words of the filter of keys.
inline std::vector<std::uint64_t> filter_of(std::span<const std::uint64_t> keys) {
  const std::size_t wanted = std::bit_ceil(keys.size() / CharacterFilter::kNgramsPerWord + 1);
  std::vector<std::uint64_t> words(std::min(wanted, CharacterFilter::kMostWords));
  for (const std::uint64_t key : keys) {
    words[CharacterFilter::place(key) & (words.size() - 1)] |= CharacterFilter::bits_of(key);
  }
  return words;
}

}  // namespace sparsedistill
