// The 64-bit hash of a folded token.
//
// The hash reads 16 bytes at a time as two little-endian words, the last block padded with zeros, and mixes in the
// size. TokenHasher takes bytes one at a time; hash_padded and hash_ascii take a run of ASCII bytes and fold case on
// the way. All give the same hash for the same folded bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sparsedistill {

static_assert(std::endian::native == std::endian::little, "the hash reads little-endian words");

inline constexpr std::uint64_t kSeed0 = 0x9E3779B97F4A7C15;
inline constexpr std::uint64_t kSeed1 = 0xD1B54A32D192ED03;
inline constexpr std::uint64_t kSeed2 = 0xA24BAED4963EE407;
inline constexpr std::uint64_t kSeed3 = 0x9FB21C651E98DF25;

// The exclusive or of the two halves of the 128-bit product.
inline std::uint64_t multiply_fold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_block(std::uint64_t state, std::uint64_t low, std::uint64_t high) {
  return multiply_fold(low ^ state, high ^ kSeed1);
}

inline std::uint64_t hash_last(std::uint64_t state, std::uint64_t low, std::uint64_t high, std::uint64_t size) {
  const std::uint64_t mixed = multiply_fold(low ^ state, high ^ kSeed1 ^ (size * kSeed2));
  return multiply_fold(mixed ^ kSeed3, kSeed2 ^ size);
}

// Hashes a token one byte at a time.
class TokenHasher {
 public:
  void add(std::uint8_t byte) {
    if (filled_ == 16) {
      state_ = hash_block(state_, low_, high_);
      low_ = high_ = 0;
      filled_ = 0;
    }
    (filled_ < 8 ? low_ : high_) |= static_cast<std::uint64_t>(byte) << (8 * (filled_ & 7));
    ++filled_;
    ++size_;
  }
  [[nodiscard]] std::uint64_t finish() const { return hash_last(state_, low_, high_, size_); }

 private:
  std::uint64_t state_ = kSeed0;
  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;
  std::uint64_t size_ = 0;
  unsigned filled_ = 0;
};

inline std::uint64_t hash_bytes(std::string_view bytes) {
  TokenHasher hasher;
  for (const char c : bytes) hasher.add(static_cast<std::uint8_t>(c));
  return hasher.finish();
}

namespace detail {

inline std::uint64_t load_word(const std::uint8_t* p) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, 8);
  return word;
}

inline constexpr std::uint64_t kLetterBits = 0x4040404040404040;

// Lower-cases ASCII letters and keeps digits: among these, only letters have bit 6 set. Keeps all bytes if `bits` is 0.
inline std::uint64_t lower_word(std::uint64_t word, std::uint64_t bits = kLetterBits) {
  return word | ((word & bits) >> 1);
}

// The same for one byte.
inline std::uint8_t lower_byte(std::uint8_t byte) { return static_cast<std::uint8_t>(byte | ((byte & 0x40) >> 1)); }

// A block of 16 bytes.
struct Words {
  std::uint64_t low;
  std::uint64_t high;
};

// Loads 16 bytes from `p` and zeros those from `count` on. Branch-free: word lengths are unpredictable.
__attribute__((always_inline)) inline Words keep_bytes(const std::uint8_t* p, std::size_t count) {
  static constexpr std::uint8_t kKept[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                             255, 255, 255, 255, 255, 255, 255, 255};
  return {load_word(p) & load_word(kKept + 16 - count), load_word(p + 8) & load_word(kKept + 24 - count)};
}

// Hashes a run of ASCII letters and digits, lower-cased, or, if `bits` is 0, of any bytes unchanged. The 16 bytes after
// the run must be readable.
__attribute__((always_inline)) inline std::uint64_t hash_padded(const std::uint8_t* p, std::size_t size,
                                                                std::uint64_t bits = kLetterBits) {
  std::uint64_t state = kSeed0;
  std::size_t left = size;
  for (; left > 16; left -= 16, p += 16) {
    state = hash_block(state, lower_word(load_word(p), bits), lower_word(load_word(p + 8), bits));
  }
  const Words last = keep_bytes(p, left);
  return hash_last(state, lower_word(last.low, bits), lower_word(last.high, bits), size);
}

// Hashes a run of ASCII letters and digits, lower-cased, of which `readable` >= size bytes may be read.
inline std::uint64_t hash_ascii(const std::uint8_t* p, std::size_t size, std::size_t readable) {
  if (readable >= size + 16) return hash_padded(p, size);
  std::uint64_t state = kSeed0;
  std::size_t left = size;
  for (; left > 16; left -= 16, p += 16) {
    state = hash_block(state, lower_word(load_word(p)), lower_word(load_word(p + 8)));
  }
  std::uint8_t padded[16] = {};
  std::memcpy(padded, p, left);
  return hash_last(state, lower_word(load_word(padded)), lower_word(load_word(padded + 8)), size);
}

}  // namespace detail

}  // namespace sparsedistill
