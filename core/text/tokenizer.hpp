// Splits UTF-8 text into tokens with byte spans.
//
// A token is one of:
//   - a run of letters, marks and digits;
//   - one punctuation character or symbol;
//   - in a script written without spaces, one character with its combining marks.
// Words are brought into Unicode's form NFC; full case folding applies, and typographic quotes and hyphens become their
// ASCII forms. White space and control characters, including NUL, separate tokens. Format characters are ignored.
// Ill-formed UTF-8 is read as U+FFFD, as with Python's errors="replace".
//
// Every access is bounds-checked: any byte string is a valid text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/hash.hpp"
#include "text/normalization.hpp"
#include "text/unicode.hpp"
#include "text/utf8.hpp"

namespace sparsedistill {

struct Token {
  std::uint64_t hash;  // of the folded token
  std::size_t begin;   // byte span in the text
  std::size_t end;
};

namespace detail {

struct AsciiTables {
  CharClass classes[256] = {};  // kIgnored for bytes from 0x80 on: these need decoding
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

}  // namespace detail

// Iterates over the tokens of a text.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text)
      : start_(reinterpret_cast<const std::uint8_t*>(text.data())), p_(start_), end_(start_ + text.size()) {}

  // Reads the next token. Returns false at the end of the text.
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

  // Reads a character beyond ASCII. Returns false if it is a separator or ignored.
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

  // Reads a run of word characters, or one character of a script without spaces, and the marks after it.
  void word(Token& token, bool is_character) {
    const std::uint8_t* p = p_;
    const std::uint8_t* last = p_;
    TokenHasher hasher;
    Normalizer normalizer;
    const auto hash = [&](char32_t code) { fold(code, [&](std::uint8_t byte) { hasher.add(byte); }); };
    for (bool first = true; p != end_; first = false) {
      // Nothing after a letter or digit of ASCII combines with it if the next byte is ASCII too.
      if (detail::kAscii.classes[*p] == CharClass::kWord && !is_character && (p + 1 == end_ || p[1] < 0x80)) {
        normalizer.finish(hash);
        hasher.add(detail::lower_byte(*p));
        last = ++p;
        continue;
      }
      const Decoded at = decode(p, end_);
      const auto [kind, active] = char_properties(at.code);
      const bool belongs = first || kind == CharClass::kMark || (kind == CharClass::kWord && !is_character);
      if (!belongs && kind != CharClass::kIgnored) break;
      p += at.size;
      if (!belongs) continue;
      normalizer.add(at.code, active, hash);
      last = p;
    }
    normalizer.finish(hash);
    token = {hasher.finish(), position(p_), position(last)};
    p_ = last;
  }

  const std::uint8_t* start_;
  const std::uint8_t* p_;
  const std::uint8_t* end_;
};

// The normalised and folded bytes of a token's span: Token::hash is their hash.
inline std::string folded(std::string_view span) {
  std::string result;
  Normalizer normalizer;
  const auto append = [&](char32_t code) {
    fold(code, [&](std::uint8_t byte) { result.push_back(static_cast<char>(byte)); });
  };
  const auto* p = reinterpret_cast<const std::uint8_t*>(span.data());
  const auto* end = p + span.size();
  while (p != end) {
    const Decoded at = decode(p, end);
    p += at.size;
    const auto [kind, active] = char_properties(at.code);
    if (kind != CharClass::kIgnored) normalizer.add(at.code, active && kind != CharClass::kSymbol, append);
  }
  normalizer.finish(append);
  return result;
}

}  // namespace sparsedistill
