#include "vocabulary/selection.hpp"

#include <algorithm>
#include <tuple>

#include "text/ngrams.hpp"

namespace sparsedistill {

Selection::Selection(std::size_t most, std::uint64_t least)
    : most_(most), least_(std::max<std::uint64_t>(least, 1)), with_count_(kCounts) {}

void Selection::count(const NgramCount& count) {
  if (count.count < least_) return;
  ++with_count_[std::min<std::uint64_t>(count.count, kCounts - 1)][static_cast<std::size_t>(order_of(count.key) - 1)];
}

std::uint64_t Selection::choose() {
  std::uint64_t taken = 0;
  for (std::size_t count = kCounts; count-- > 1;) {
    for (std::size_t order = 0; order < kOrders; ++order) {
      last_count_ = count;
      last_order_ = order;
      left_ = std::min<std::uint64_t>(with_count_[count][order], most_ - taken);
      // The largest counts are not told apart here: all are taken, and chosen() drops the rest.
      if (count == kCounts - 1) left_ = with_count_[count][order];
      taken += left_;
      if (taken >= most_ && (count < kCounts - 1 || order == kOrders - 1)) {
        chosen_.reserve(taken);
        return std::max<std::uint64_t>(least_, count);
      }
    }
  }
  chosen_.reserve(taken);
  last_count_ = 0;
  return least_;
}

void Selection::take(const NgramCount& count) {
  if (count.count < least_) return;
  const std::uint64_t seen = std::min<std::uint64_t>(count.count, kCounts - 1);
  if (seen < last_count_) return;
  if (seen == last_count_) {
    const auto order = static_cast<std::size_t>(order_of(count.key) - 1);
    if (order > last_order_) return;
    if (order == last_order_) {
      if (left_ == 0) return;
      --left_;
    }
  }
  chosen_.push_back(count);
}

std::vector<NgramCount> Selection::chosen() {
  const auto before = [](const NgramCount& a, const NgramCount& b) {
    return std::tuple(b.count, order_of(a.key), a.key) < std::tuple(a.count, order_of(b.key), b.key);
  };
  std::ranges::sort(chosen_, before);
  if (chosen_.size() > most_) chosen_.resize(most_);
  return std::move(chosen_);
}

}  // namespace sparsedistill
