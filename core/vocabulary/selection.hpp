// The most frequent n-grams, chosen in memory for the chosen ones only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vocabulary/ngram_count.hpp"

namespace sparsedistill {

// Chooses the `most` most frequent n-grams with a count of at least `least`. They are ordered by descending count, then
// by ascending order (which keeps the choice closed under prefixes), then by key.
//
// The counts are visited twice: first in any order, then by ascending key.
class Selection {
 public:
  Selection(std::size_t most, std::uint64_t least);

  // The first visit.
  void count(const NgramCount& count);
  // Between the visits. Returns the lowest count of a chosen n-gram: the second visit may leave out those below it.
  std::uint64_t choose();
  // The second visit.
  void take(const NgramCount& count);
  // After it.
  [[nodiscard]] std::vector<NgramCount> chosen();

 private:
  static constexpr std::size_t kCounts = std::size_t{1} << 16;  // larger counts, of few n-grams, are not told apart
  static constexpr std::size_t kOrders = 8;

  std::size_t most_;
  std::uint64_t least_;
  std::vector<std::array<std::uint64_t, kOrders>> with_count_;
  // N-grams with more than this count are chosen, and with this one those of a lower order than this; of those with
  // both, the first `left_`.
  std::size_t last_count_ = 0;
  std::size_t last_order_ = 0;
  std::uint64_t left_ = 0;
  std::vector<NgramCount> chosen_;
};

}  // namespace sparsedistill
