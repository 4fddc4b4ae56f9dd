// UTF-8 decoding and encoding.
#pragma once

#include <cstdint>

namespace sparsedistill {

struct Decoded {
  char32_t code;
  std::uint32_t size;  // bytes consumed, at least 1
};

// Decodes the code point at `p`, which must be below `end`. An ill-formed sequence decodes to U+FFFD and consumes its
// maximal subpart (Unicode 15, section 3.9, table 3-8), as Python's errors="replace" does.
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
    if (first == 0xED) high = 0x9F;  // excludes surrogates
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

// Calls sink(byte) for each UTF-8 byte of `code`.
template <class Sink>
inline void encode(char32_t code, const Sink& sink) {
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

}  // namespace sparsedistill
