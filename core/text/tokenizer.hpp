// UTF-8 -> tokens with byte spans.
//
// A token is a run of letters, marks and digits; or one punctuation character or symbol; or, in a
// script written without spaces, one character with the marks on it. Case is folded (full Unicode
// case folding) and typographic quotes and hyphens become their ASCII forms; white space and control
// characters, NUL among them, part tokens and are none; format characters are as if not there. Bytes
// that are not UTF-8 count as U+FFFD, as Python's errors="replace" has it.
//
// All positions are checked: any bytes make a valid text.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sparsedistill {

#include "text/unicode_tables.inc"

static_assert(std::endian::native == std::endian::little, "keys are hashed from little-endian words");

struct Token {
  std::uint64_t hash;  // of the folded token
  std::size_t begin;   // byte span in the text
  std::size_t end;
};

enum class CharClass : std::uint8_t { kSpace, kWord, kMark, kCharacter, kSymbol, kIgnored };

inline CharClass char_class(char32_t code) {
  return static_cast<CharClass>(kClassBlocks[kClassIndex[code >> 8] * 256 + (code & 255)]);
}

// ---- hashing -------------------------------------------------------------------------------------

inline constexpr std::uint64_t kSeed0 = 0x9E3779B97F4A7C15;
inline constexpr std::uint64_t kSeed1 = 0xD1B54A32D192ED03;
inline constexpr std::uint64_t kSeed2 = 0xA24BAED4963EE407;
inline constexpr std::uint64_t kSeed3 = 0x9FB21C651E98DF25;

// The two halves of the 128-bit product, folded.
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

// Hash of a token that comes a byte at a time; equal to hash_bytes of the whole.
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

// What stands for the beginning and the end of a text: STX and ETX, which no token can hold.
inline constexpr std::string_view kBeginToken = "\x02";
inline constexpr std::string_view kEndToken = "\x03";

// ---- decoding ------------------------------------------------------------------------------------

struct Decoded {
  char32_t code;
  std::uint32_t size;  // bytes read, at least 1
};

// The code point at p < end; U+FFFD for the longest ill-formed piece (Unicode 15, section 3.9, table 3-8).
inline Decoded decode(const std::uint8_t* p, const std::uint8_t* end) {
  const std::uint32_t first = p[0];
  if (first < 0x80) return {first, 1};
  std::uint32_t low = 0x80;
  std::uint32_t high = 0xBF;
  std::uint32_t length = 0;
  char32_t code = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    code = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    code = first & 0x0F;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;  // no surrogates
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    code = first & 0x07;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {0xFFFD, 1};
  }
  for (std::uint32_t i = 1; i < length; ++i) {
    if (p + i >= end || p[i] < low || p[i] > high) return {0xFFFD, i};
    code = (code << 6) | (p[i] & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {code, length};
}

template <class Sink>
inline void encode(char32_t code, Sink&& sink) {
  if (code < 0x80) {
    sink(static_cast<std::uint8_t>(code));
  } else if (code < 0x800) {
    sink(static_cast<std::uint8_t>(0xC0 | (code >> 6)));
    sink(static_cast<std::uint8_t>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    sink(static_cast<std::uint8_t>(0xE0 | (code >> 12)));
    sink(static_cast<std::uint8_t>(0x80 | ((code >> 6) & 0x3F)));
    sink(static_cast<std::uint8_t>(0x80 | (code & 0x3F)));
  } else {
    sink(static_cast<std::uint8_t>(0xF0 | (code >> 18)));
    sink(static_cast<std::uint8_t>(0x80 | ((code >> 12) & 0x3F)));
    sink(static_cast<std::uint8_t>(0x80 | ((code >> 6) & 0x3F)));
    sink(static_cast<std::uint8_t>(0x80 | (code & 0x3F)));
  }
}

// Give the UTF-8 of the folded code point to `sink`, byte by byte.
template <class Sink>
inline void fold(char32_t code, Sink&& sink) {
  const std::int32_t distance = kFoldBlocks[kFoldIndex[code >> 8] * 256 + (code & 255)];
  if (distance < kFoldExpansion) {
    encode(static_cast<char32_t>(static_cast<std::int32_t>(code) + distance), sink);
    return;
  }
  const std::uint32_t* expansion = kFoldExpansions + 3 * (distance - kFoldExpansion);
  for (int i = 0; i < 3 && expansion[i] != 0; ++i) encode(expansion[i], sink);
}

// ---- tokens --------------------------------------------------------------------------------------

namespace detail {

struct AsciiTables {
  CharClass classes[256] = {};  // bytes from 0x80 on: kIgnored, that is "look closer"
  std::uint64_t symbol_hash[128] = {};

  AsciiTables() {
    for (unsigned c = 0; c < 256; ++c) classes[c] = c < 128 ? char_class(c) : CharClass::kIgnored;
    for (unsigned c = 0; c < 128; ++c) {
      const char byte = static_cast<char>(c);
      symbol_hash[c] = hash_bytes({&byte, 1});
    }
  }
};

inline const AsciiTables kAscii;

inline std::uint64_t load_word(const std::uint8_t* p) {
  std::uint64_t word;
  std::memcpy(&word, p, 8);
  return word;
}

inline constexpr std::uint64_t kLetterBits = 0x4040404040404040;

// ASCII letters to lower case, digits as they are: only letters have bit 6. With `bits` 0 all as it is.
inline std::uint64_t lower_word(std::uint64_t word, std::uint64_t bits = kLetterBits) {
  return word | ((word & bits) >> 1);
}

// 16 bytes, of which the last may be zeros.
struct Words {
  std::uint64_t low;
  std::uint64_t high;
};

// The first `count` of the 16 bytes at `p`. Lengths of words come as they like: nothing branches on them.
__attribute__((always_inline)) inline Words keep_bytes(const std::uint8_t* p, std::size_t count) {
  static constexpr std::uint8_t kKept[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                             255, 255, 255, 255, 255, 255, 255, 255};
  return {load_word(p) & load_word(kKept + 16 - count), load_word(p + 8) & load_word(kKept + 24 - count)};
}

// Hash of a run of ASCII letters and digits or, with `bits` 0, of bytes as they are; 16 behind them may be read.
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

// The same, of which `readable` >= size bytes may be read.
inline std::uint64_t hash_ascii(const std::uint8_t* p, std::size_t size, std::size_t readable) {
  if (readable >= size + 16) return hash_padded(p, size);
  std::uint64_t state = kSeed0;
  std::size_t left = size;
  for (; left > 16; left -= 16, p += 16)
    state = hash_block(state, lower_word(load_word(p)), lower_word(load_word(p + 8)));
  std::uint8_t padded[16] = {};
  std::memcpy(padded, p, left);
  return hash_last(state, lower_word(load_word(padded)), lower_word(load_word(padded + 8)), size);
}

}  // namespace detail

// The tokens of a text, one after the other.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text)
      : start_(reinterpret_cast<const std::uint8_t*>(text.data())), p_(start_), end_(start_ + text.size()) {}

  // The next token, or false at the end of the text.
  bool next(Token& token) {
    while (p_ != end_) {
      const std::uint8_t byte = *p_;
      switch (detail::kAscii.classes[byte]) {
        case CharClass::kSpace:
          ++p_;
          continue;
        case CharClass::kSymbol:
          token = {detail::kAscii.symbol_hash[byte], position(p_), position(p_ + 1)};
          ++p_;
          return true;
        case CharClass::kWord:
          ascii_word(token);
          return true;
        default:
          if (beyond_ascii(token)) return true;
      }
    }
    return false;
  }

 private:
  [[nodiscard]] std::size_t position(const std::uint8_t* p) const { return static_cast<std::size_t>(p - start_); }

  void ascii_word(Token& token) {
    const std::uint8_t* q = p_ + 1;
    while (q != end_ && detail::kAscii.classes[*q] == CharClass::kWord) ++q;
    if (q != end_ && *q >= 0x80) {
      word(token, /*is_character=*/false);
      return;
    }
    const auto size = static_cast<std::size_t>(q - p_);
    token = {detail::hash_ascii(p_, size, static_cast<std::size_t>(end_ - p_)), position(p_), position(q)};
    p_ = q;
  }

  // A character that is not ASCII: false where it makes no token.
  bool beyond_ascii(Token& token) {
    const Decoded at = decode(p_, end_);
    switch (char_class(at.code)) {
      case CharClass::kSpace:
      case CharClass::kIgnored:
        p_ += at.size;
        return false;
      case CharClass::kSymbol: {
        TokenHasher hasher;
        fold(at.code, [&](std::uint8_t byte) { hasher.add(byte); });
        token = {hasher.finish(), position(p_), position(p_ + at.size)};
        p_ += at.size;
        return true;
      }
      case CharClass::kCharacter:
        word(token, /*is_character=*/true);
        return true;
      default:
        word(token, /*is_character=*/false);
        return true;
    }
  }

  // A run of word characters, or one character of a script without spaces, with the marks that follow.
  void word(Token& token, bool is_character) {
    const std::uint8_t* p = p_;
    const std::uint8_t* last = p_;
    TokenHasher hasher;
    for (bool first = true; p != end_; first = false) {
      const Decoded at = decode(p, end_);
      const CharClass kind = char_class(at.code);
      const bool belongs = first || kind == CharClass::kMark || (kind == CharClass::kWord && !is_character);
      if (!belongs && kind != CharClass::kIgnored) break;
      p += at.size;
      if (!belongs) continue;
      fold(at.code, [&](std::uint8_t byte) { hasher.add(byte); });
      last = p;
    }
    token = {hasher.finish(), position(p_), position(last)};
    p_ = last;
  }

  const std::uint8_t* start_;
  const std::uint8_t* p_;
  const std::uint8_t* end_;
};

// What a token's hash is the hash of: the bytes of its span, folded.
inline std::string folded(std::string_view span) {
  std::string result;
  const auto* p = reinterpret_cast<const std::uint8_t*>(span.data());
  const auto* end = p + span.size();
  while (p != end) {
    const Decoded at = decode(p, end);
    p += at.size;
    if (char_class(at.code) == CharClass::kIgnored) continue;
    fold(at.code, [&](std::uint8_t byte) { result.push_back(static_cast<char>(byte)); });
  }
  return result;
}

}  // namespace sparsedistill
