// The vectors of unknown words, from the rows of their character n-grams.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "simd/float_kernels.hpp"
#include "support/salt.hpp"
#include "vocabulary/words.hpp"

namespace sparsedistill {

// Computes the vectors of unknown words, and keeps those of recent words. Belongs to one thread.
class WordVectors {
 public:
  WordVectors(const Vocabulary& vocabulary, std::span<const float> table, std::size_t dim, const FloatKernels& kernels)
      : find_(vocabulary), table_(table), dim_(dim), kernels_(kernels) {
    if (!vocabulary.config().characters()) return;
    entries_.resize(kEntries);
    vectors_.resize(kEntries * dim);
  }

  // The vector of a word, or null if none of its character n-grams is in the vocabulary. Valid until the next call.
  const float* operator()(std::uint64_t key, std::string_view word) {
    const std::size_t at = (key * salt_) >> 32 & (kEntries - 1);
    Entry& entry = entries_[at];
    float* vector = &vectors_[at * dim_];
    if (entry.key != key) {
      const std::span<const std::uint32_t> rows = find_(word);
      entry = {key, !rows.empty()};
      if (entry.found) {
        kernels_.sum_rows(table_.data(), dim_, rows.data(), rows.size(), vector);
        const float scale = 1.0F / std::sqrt(static_cast<float>(rows.size()));
        for (std::size_t d = 0; d < dim_; ++d) vector[d] *= scale;
      }
    }
    return entry.found ? vector : nullptr;
  }

 private:
  static constexpr std::size_t kEntries = 2048;

  struct Entry {
    std::uint64_t key = 0;  // 0: never used
    bool found = false;
  };

  CharacterFinder find_;
  std::span<const float> table_;
  std::size_t dim_;
  const FloatKernels& kernels_;
  std::uint64_t salt_ = process_salt();
  std::vector<Entry> entries_;
  std::vector<float> vectors_;  // entries x dim
};

}  // namespace sparsedistill
