// Character n-grams: what an unseen word, such as a misspelt or inflected one, has in common with known words.
//
// A word is read as its folded characters between "<" and ">". Its character n-grams are the runs of these with
// min_characters to max_characters characters, except the whole. A word of one character has none: they would only
// repeat it. Each counts as an n-gram of one token, "##" followed by the run, which no text can contain. Its key is
// rolled from character to character, so that a run costs one step more than the run without its last character.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "text/ngrams.hpp"
#include "text/normalization.hpp"

namespace sparsedistill {

inline constexpr std::string_view kCharactersToken = "##";
inline const std::uint64_t kCharactersHash = hash_bytes(kCharactersToken);

// Extends the rolled hash of a run by one character; that of the empty run is kCharactersHash.
inline std::uint64_t roll_character(std::uint64_t rolled, char32_t code) {
  return roll(rolled, std::uint64_t{code} * kSeed2);
}

// The characters of one word. The size does not depend on the word.
class WordCharacters {
 public:
  static constexpr std::size_t kLongestWord = 256;  // further characters are skipped

  explicit WordCharacters(const TokenizerConfig& config)
      : least_(static_cast<std::size_t>(config.min_characters)),
        most_(static_cast<std::size_t>(config.max_characters)) {}

  // Upper bound on the character n-grams of a word.
  [[nodiscard]] std::size_t most_ngrams() const { return (kLongestWord + 2) * (most_ - least_ + 1); }

  // Reads a word, given by its span in a text or by its folded string.
  void read(std::string_view word) {
    const auto* p = reinterpret_cast<const std::uint8_t*>(word.data());
    const auto* end = p + word.size();
    codes_[0] = '<';
    size_ = 1;
    Normalizer normalizer;
    const auto append = [&](char32_t code) {
      fold_codes(code, [&](char32_t each) {
        if (size_ <= kLongestWord) codes_[size_++] = each;
      });
    };
    while (p != end && size_ <= kLongestWord) {
      if (*p < 0x80 && (p + 1 == end || p[1] < 0x80)) {
        normalizer.finish(append);
        const std::uint32_t letter = *p - std::uint32_t{'A'} < 26 ? 0x20 : 0;
        if (size_ <= kLongestWord) codes_[size_++] = *p | letter;
        ++p;
        continue;
      }
      const Decoded character = decode(p, end);
      p += character.size;
      const auto [kind, active] = char_properties(character.code);
      if (kind != CharClass::kIgnored) normalizer.add(character.code, active && kind != CharClass::kSymbol, append);
    }
    normalizer.finish(append);
    codes_[size_++] = '>';
  }

  // The characters, "<" and ">" included. Some more can be read beyond them: as many as a
  // character n-gram has, and a vector of 8.
  [[nodiscard]] std::span<const char32_t> codes() const { return {codes_, size_}; }

  // Calls sink(key, begin, length) for each character n-gram of the word: see string().
  template <class Sink>
  void for_each(const Sink& sink) const {
    if (size_ <= 3) return;  // "<a>"
    const std::size_t longest = std::min(most_, size_ - 1);
    for (std::size_t begin = 0; begin + least_ <= size_; ++begin) {
      std::uint64_t rolled = kCharactersHash;
      for (std::size_t length = 1; length <= longest && begin + length <= size_; ++length) {
        rolled = roll_character(rolled, codes_[begin + length - 1]);
        if (length >= least_) sink(key_of(rolled, 1), begin, length);
      }
    }
  }

  // The spelling of a character n-gram.
  [[nodiscard]] std::string string(std::size_t begin, std::size_t length) const {
    std::string spelt(kCharactersToken);
    for (std::size_t i = begin; i < begin + length; ++i) {
      encode(codes_[i], [&](std::uint8_t byte) { spelt.push_back(static_cast<char>(byte)); });
    }
    return spelt;
  }

 private:
  std::size_t least_;
  std::size_t most_;
  char32_t codes_[kLongestWord + 2 + kMostCharacters + 8] = {};
  std::size_t size_ = 0;
};

}  // namespace sparsedistill
