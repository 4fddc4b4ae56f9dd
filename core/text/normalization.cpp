#include "text/normalization.hpp"

#include <cstring>

namespace sparsedistill::detail {

namespace {

// Hangul syllables are made of a leading consonant, a vowel and, in most, a trailing consonant, by arithmetic.
constexpr char32_t kSyllable = 0xAC00;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowel = 0x1161;
constexpr char32_t kTrailing = 0x11A7;  // stands for none
constexpr char32_t kLeadings = 19;
constexpr char32_t kVowels = 21;
constexpr char32_t kTrailings = 28;
constexpr char32_t kSyllables = kLeadings * kVowels * kTrailings;

// The value of a code point in a table of two stages.
template <class Value>
Value entry(const std::uint8_t* index, const Value* blocks, char32_t code) {
  return blocks[index[code >> 8] * std::size_t{256} + (code & 255)];
}

std::uint8_t combining_class(char32_t code) { return entry(kCombiningIndex, kCombiningBlocks, code); }

// Appends the full canonical decomposition of a code point.
char32_t* decompose(char32_t code, char32_t* out) {
  if (const char32_t syllable = code - kSyllable; syllable < kSyllables) {
    *out++ = kLeading + syllable / (kVowels * kTrailings);
    *out++ = kVowel + syllable / kTrailings % kVowels;
    if (syllable % kTrailings != 0) *out++ = kTrailing + syllable % kTrailings;
    return out;
  }
  const std::size_t place = entry(kDecompositionIndex, kDecompositionBlocks, code);
  if (place == 0) {
    *out++ = code;
    return out;
  }
  out = decompose(kDecompositions[2 * place], out);
  const char32_t second = kDecompositions[2 * place + 1];
  return second == 0 ? out : decompose(second, out);
}

// The code point that two others compose, or 0.
char32_t compose(char32_t first, char32_t second) {
  if (const char32_t leading = first - kLeading; leading < kLeadings) {
    const char32_t vowel = second - kVowel;
    return vowel < kVowels ? kSyllable + (leading * kVowels + vowel) * kTrailings : 0;
  }
  if (const char32_t syllable = first - kSyllable; syllable < kSyllables) {
    const char32_t trailing = second - kTrailing;
    return syllable % kTrailings == 0 && trailing - 1 < kTrailings - 1 ? first + trailing : 0;
  }
  const std::size_t group = entry(kCompositionIndex, kCompositionBlocks, first);
  if (group == 0) return 0;
  for (std::size_t i = kCompositionStarts[group]; i < kCompositionStarts[group + 1]; ++i) {
    if (kCompositions[2 * i] == second) return kCompositions[2 * i + 1];
  }
  return 0;
}

}  // namespace

std::size_t normalize(char32_t* codes, std::size_t size) {
  char32_t whole[kLongestSequence * kLongestDecomposition];
  std::uint8_t orders[kLongestSequence * kLongestDecomposition];
  const char32_t* end = whole;
  for (std::size_t i = 0; i < size; ++i) end = decompose(codes[i], whole + (end - whole));
  size = static_cast<std::size_t>(end - whole);
  for (std::size_t i = 0; i < size; ++i) {  // marks in canonical order: a stable insertion sort between starters
    const char32_t code = whole[i];
    const std::uint8_t order = combining_class(code);
    std::size_t at = i;
    for (; order != 0 && at > 0 && orders[at - 1] > order; --at) {
      whole[at] = whole[at - 1];
      orders[at] = orders[at - 1];
    }
    whole[at] = code;
    orders[at] = order;
  }
  char32_t* starter = nullptr;
  char32_t* out = codes;
  for (std::size_t i = 0; i < size; ++i) {
    // A mark of the same or of a higher class in between keeps a code point from its starter.
    const bool reaches = starter != nullptr && (out - starter == 1 || combining_class(out[-1]) < orders[i]);
    if (const char32_t composed = reaches ? compose(*starter, whole[i]) : 0; composed != 0) {
      *starter = composed;
      continue;
    }
    if (orders[i] == 0) starter = out;
    *out++ = whole[i];
  }
  return static_cast<std::size_t>(out - codes);
}

}  // namespace sparsedistill::detail
