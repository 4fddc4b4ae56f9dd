// The strings of a vocabulary's n-grams.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/parallel.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill {

// Collects the strings of n-grams from the texts that the vocabulary was counted from. A string is the n-gram's folded
// tokens separated by spaces, or that of a character n-gram.
class NgramStrings {
 public:
  explicit NgramStrings(const Vocabulary& vocabulary);
  NgramStrings(const NgramStrings&) = delete;
  NgramStrings& operator=(const NgramStrings&) = delete;
  ~NgramStrings() = default;

  void add(Texts texts, std::size_t threads);
  // N-grams that no text has contained yet.
  [[nodiscard]] std::size_t missing() const;
  // By row; empty for missing n-grams.
  [[nodiscard]] const std::vector<std::string>& strings() const { return strings_; }

 private:
  // Claims a row: returns true for the first caller only.
  bool claim(std::uint32_t row) {
    return !claimed_[row].test(std::memory_order_relaxed) && !claimed_[row].test_and_set();
  }

  void add_characters(std::string_view text);

  const Vocabulary& vocabulary_;
  std::vector<std::string> strings_;
  std::vector<std::atomic_flag> claimed_;
};

}  // namespace sparsedistill
