// The bound vocabulary, which classifiers take.
#pragma once

#include <cstdint>
#include <utility>

#include "bindings/arrays.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill::bindings {

// A vocabulary that keeps its buckets alive.
class PyVocabulary {
 public:
  PyVocabulary(Array2<std::uint64_t> buckets, std::uint32_t rows, const TokenizerConfig& tokenizer, bool closed)
      : buckets_(std::move(buckets)),
        vocabulary_(view_buckets(buckets_.data(), buckets_.shape(0), buckets_.shape(1)), rows, tokenizer, closed) {}

  [[nodiscard]] const Vocabulary& get() const { return vocabulary_; }

 private:
  Array2<std::uint64_t> buckets_;
  Vocabulary vocabulary_;
};

}  // namespace sparsedistill::bindings
