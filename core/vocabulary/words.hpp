// Words and the rows of their character n-grams.
//
// The vector of a word is its own row, if it has one, plus the sum of the rows of its k known character n-grams divided
// by sqrt(k). A character n-gram that occurs twice in a word counts twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/characters.hpp"
#include "vocabulary/key_map.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill {

// Finds the character n-grams of words. Holds the buffers of one thread, whose size does not depend on the words.
class CharacterFinder {
 public:
  explicit CharacterFinder(const Vocabulary& vocabulary) : vocabulary_(vocabulary), word_(vocabulary.config()) {}

  // The rows of the character n-grams of a word that are in the vocabulary, valid until the next call. The word is
  // given by its span in a text or by its folded string.
  std::span<const std::uint32_t> operator()(std::string_view word) {
    keys_.clear();
    rows_.clear();
    word_.read(word);
    word_.for_each([&](std::uint64_t key, std::size_t, std::size_t) {
      vocabulary_.prefetch(key);
      keys_.push_back(key);
    });
    for (const std::uint64_t key : keys_) {
      const std::uint32_t row = vocabulary_.find(key);
      if (row != kNoRow) rows_.push_back(row);
    }
    return rows_;
  }

 private:
  const Vocabulary& vocabulary_;
  WordCharacters word_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> rows_;
};

inline constexpr std::uint32_t kNoWord = 0xFFFFFFFF;

// Words with the rows of their character n-grams; each word is read once.
class WordTable {
 public:
  explicit WordTable(const Vocabulary& vocabulary) : find_(vocabulary) {}

  // The number of a word, or kNoWord if none of its character n-grams is in the vocabulary. `key` is that of the word.
  std::uint32_t find(std::uint64_t key, std::string_view word) {
    const auto [number, fresh] = numbers_.insert(key);
    if (!fresh) return *number;
    const std::span<const std::uint32_t> rows = find_(word);
    if (rows.empty()) return *number = kNoWord;
    characters_.insert(characters_.end(), rows.begin(), rows.end());
    ends_.push_back(characters_.size());
    keys_.push_back(key);
    return *number = static_cast<std::uint32_t>(keys_.size() - 1);
  }

  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] std::uint64_t key(std::uint32_t word) const { return keys_[word]; }
  // The rows of the character n-grams of a word.
  [[nodiscard]] std::span<const std::uint32_t> characters(std::uint32_t word) const {
    const std::size_t begin = word == 0 ? 0 : ends_[word - 1];
    return std::span(characters_).subspan(begin, ends_[word] - begin);
  }

 private:
  CharacterFinder find_;
  KeyMap numbers_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::size_t> ends_;  // of the words in `characters_`
  std::vector<std::uint32_t> characters_;
};

}  // namespace sparsedistill
