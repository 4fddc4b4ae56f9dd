// Texts to n-gram rows, for training.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/parallel.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill {

struct ExtractionConfig {
  double dropout = 0.0;        // share of the n-grams dropped at random, in [0, 1)
  std::size_t max_ngrams = 0;  // n-grams kept of a text with more, chosen at random; 0: all
  std::uint64_t seed = 0;
  std::size_t threads = 1;
};

// The distinct n-gram rows of texts in CSR layout: one segment per text, or one per Part for pairs.
struct Extraction {
  std::vector<std::vector<std::int64_t>> parts;  // the rows, in consecutive pieces
  std::vector<std::int64_t> offsets;             // segments + 1
  std::vector<std::int64_t> tokens;              // tokens and character n-grams of each text or pair
  std::vector<std::int64_t> known;               // those of them in the vocabulary

  // Concatenates the pieces into `rows`, which must hold offsets.back() rows.
  void write(std::span<std::int64_t> rows, std::size_t threads) const;
};

// Extracts the rows of `texts`, or of pairs if `pairs` is not empty: it then has the second texts. The random choices
// depend only on the seed, the text and its position. Throws std::invalid_argument if the numbers of texts differ or
// dropout is out of range.
Extraction extract(const Vocabulary& vocabulary, Texts texts, Texts pairs, const ExtractionConfig& config);

}  // namespace sparsedistill
