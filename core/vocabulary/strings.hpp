// The strings of a vocabulary's n-grams.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
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
  [[nodiscard]] std::size_t rows() const { return places_.size(); }
  // The string of a row; empty for missing n-grams.
  [[nodiscard]] std::string_view string(std::size_t row) const;

 private:
  // Claims a row: returns true for the first caller only.
  bool claim(std::uint32_t row) {
    return !claimed_[row].test(std::memory_order_relaxed) && !claimed_[row].test_and_set();
  }

  // Strings of rows that one thread has claimed.
  struct Found {
    std::vector<std::pair<std::uint32_t, std::size_t>> ends;  // of the strings in `bytes`, with their rows
    std::string bytes;
  };

  // Where a string is.
  struct Place {
    std::uint32_t block;
    std::uint32_t begin;
    std::uint32_t size;
  };

  void find_characters(std::string_view text, Found& found);
  void keep(const Found& found);

  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

  const Vocabulary& vocabulary_;
  std::vector<Place> places_;        // by row
  std::vector<std::string> blocks_;  // the strings: one each would take twice the memory
  std::vector<std::atomic_flag> claimed_;
  std::mutex mutex_;  // of places and blocks
};

}  // namespace sparsedistill
