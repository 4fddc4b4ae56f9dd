// Character classes and case folding, from generated Unicode tables.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text/utf8.hpp"

namespace sparsedistill {

#include "text/unicode_tables.inc"

// The role of a code point in the tokenizer. The values match tools/generate_unicode.py.
enum class CharClass : std::uint8_t { kSpace, kWord, kMark, kCharacter, kSymbol, kIgnored };

struct CharProperties {
  CharClass kind;
  bool active;  // form NFC may change the code point, or combine it with those before it
};

inline CharProperties char_properties(char32_t code) {
  const std::uint8_t bits = kClassBlocks[kClassIndex[code >> 8] * 256 + (code & 255)];
  return {static_cast<CharClass>(bits & 7), (bits & 8) != 0};
}

inline CharClass char_class(char32_t code) { return char_properties(code).kind; }

// Calls sink(code) for each code point of the case-folded code point.
template <class Sink>
inline void fold_codes(char32_t code, const Sink& sink) {
  const std::int32_t distance = kFoldBlocks[kFoldIndex[code >> 8] * 256 + (code & 255)];
  if (distance < kFoldExpansion) {
    sink(static_cast<char32_t>(static_cast<std::int32_t>(code) + distance));
    return;
  }
  const std::uint32_t* expansion = kFoldExpansions + 3 * static_cast<std::ptrdiff_t>(distance - kFoldExpansion);
  for (int i = 0; i < 3 && expansion[i] != 0; ++i) sink(static_cast<char32_t>(expansion[i]));
}

// Calls sink(byte) for each UTF-8 byte of the case-folded code point.
template <class Sink>
inline void fold(char32_t code, const Sink& sink) {
  fold_codes(code, [&](char32_t each) { encode(each, sink); });
}

}  // namespace sparsedistill
