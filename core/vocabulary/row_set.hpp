// A set of rows that is cleared in constant time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/salt.hpp"

namespace sparsedistill {

// The rows seen in the current text. An open-addressing table whose slots carry the round in which they were filled:
// clear() starts a new round, and a lookup costs one or two loads from cache.
class RowSet {
 public:
  void clear() {
    if (slots_.size() > kLargestKept) slots_ = std::vector<Slot>(kSmallest);
    if (++round_ == 0) {  // the counter has wrapped: old slots would look current
      std::ranges::fill(slots_, Slot{});
      round_ = 1;
    }
    size_ = 0;
  }

  [[nodiscard]] bool contains(std::uint32_t row) const { return slots_[find(row)].round == round_; }

  // Returns whether `row` was not in the set.
  bool insert(std::uint32_t row) {
    if (2 * size_ >= slots_.size()) grow();
    Slot& slot = slots_[find(row)];
    if (slot.round == round_) return false;
    slot = {row, round_};
    ++size_;
    return true;
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{1} << 12;
  static constexpr std::size_t kLargestKept = std::size_t{1} << 16;

  struct Slot {
    std::uint32_t row = 0;
    std::uint32_t round = 0;  // 0: never used
  };

  // The slot of `row`, or the free one where it belongs.
  [[nodiscard]] std::size_t find(std::uint32_t row) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = ((row * salt_) >> 32) & mask;
    while (slots_[at].round == round_ && slots_[at].row != row) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.round == round_) slots_[find(slot.row)] = slot;
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(kSmallest);
  std::uint64_t salt_ = process_salt();
  std::size_t size_ = 0;
  std::uint32_t round_ = 1;
};

}  // namespace sparsedistill
