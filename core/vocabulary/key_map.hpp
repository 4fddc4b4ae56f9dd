// A map from keys to numbers that is cleared in constant time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "support/salt.hpp"

namespace sparsedistill {

// An open-addressing table, as RowSet: slots carry the round in which they were filled.
class KeyMap {
 public:
  void clear() {
    if (slots_.size() > kLargestKept) {
      slots_ = std::vector<Slot>(kSmallest);
      shift_ = shift_for(kSmallest);
    }
    if (++round_ == 0) {  // the counter has wrapped: old slots would look current
      std::fill(slots_.begin(), slots_.end(), Slot{});
      round_ = 1;
    }
    size_ = 0;
  }

  void prefetch(std::uint64_t key) const { __builtin_prefetch(&slots_[key * salt_ >> shift_]); }

  [[nodiscard]] bool contains(std::uint64_t key) const { return slots_[find(key)].round == round_; }

  // The number of `key`, 0 if it is new, and whether it is. The pointer is valid until the next call.
  std::pair<std::uint32_t*, bool> insert(std::uint64_t key) {
    if (2 * size_ >= slots_.size()) grow();
    Slot& slot = slots_[find(key)];
    const bool fresh = slot.round != round_;
    if (fresh) {
      slot = {key, 0, round_};
      ++size_;
    }
    return {&slot.number, fresh};
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{1} << 10;
  static constexpr std::size_t kLargestKept = std::size_t{1} << 16;

  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t number = 0;
    std::uint32_t round = 0;  // 0: never used
  };

  // The upper bits of a product are a slot of `slots`, a power of two.
  static int shift_for(std::size_t slots) { return 64 - std::countr_zero(slots); }

  // The slot of `key`, or the free one where it belongs.
  [[nodiscard]] std::size_t find(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (key * salt_) >> shift_;
    while (slots_[at].round == round_ && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    shift_ = shift_for(old.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.round == round_) slots_[find(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(kSmallest);
  std::uint64_t salt_ = process_salt();
  int shift_ = shift_for(kSmallest);
  std::size_t size_ = 0;
  std::uint32_t round_ = 1;
};

}  // namespace sparsedistill
