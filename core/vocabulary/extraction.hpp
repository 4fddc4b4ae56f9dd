// Texts to n-gram rows and words, for training and wherever rows are pooled outside of the core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/parallel.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill {

struct ExtractionConfig {
  double dropout = 0.0;        // share of the items dropped at random, in [0, 1)
  std::size_t max_ngrams = 0;  // items kept of a text with more, chosen at random; 0: all
  std::uint64_t seed = 0;
  std::size_t threads = 1;
  // Whether the rows of known words contain those of their character n-grams, as in a student that has left training.
  bool folded = false;
};

// The items of texts in CSR layout: one segment per text, or one per Part for pairs. An item is a distinct n-gram of
// the vocabulary, or a distinct word that is not in it but has character n-grams that are (see words.hpp).
struct Extraction {
  struct Piece {
    std::vector<std::int64_t> rows;
    std::vector<std::int64_t> words;    // by their numbers in this piece
    std::vector<std::int64_t> numbers;  // of the words of this piece among all distinct words
  };
  std::vector<Piece> pieces;                    // consecutive segments
  std::vector<std::int64_t> offsets;            // segments + 1: the known n-grams of each
  std::vector<std::int64_t> counts;             // segments: items
  std::vector<std::int64_t> word_offsets;       // segments + 1: the words of each whose characters are to be added
  std::vector<std::int64_t> characters;         // the rows of the character n-grams of all distinct words
  std::vector<std::int64_t> character_offsets;  // distinct words + 1
  std::vector<std::int64_t> tokens;             // tokens of each text or pair
  std::vector<std::int64_t> known;              // those of them in the vocabulary

  // Concatenates the pieces into `rows` and `words`, which must hold offsets.back() and word_offsets.back() numbers.
  void write(std::span<std::int64_t> rows, std::span<std::int64_t> words, std::size_t threads) const;
};

// Extracts the items of `texts`, or of pairs if `pairs` is not empty: it then has the second texts. The random choices
// depend only on the seed, the text and its position. Throws std::invalid_argument if the numbers of texts differ or
// dropout is out of range.
Extraction extract(const Vocabulary& vocabulary, Texts texts, Texts pairs, const ExtractionConfig& config);

// The rows of the known character n-grams of folded words in CSR layout.
struct WordRows {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> offsets;  // words + 1
};
WordRows rows_of_words(const Vocabulary& vocabulary, std::span<const std::string> words);

}  // namespace sparsedistill
