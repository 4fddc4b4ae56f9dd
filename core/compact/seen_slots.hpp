// The slots seen in the current text.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "simd/target.hpp"
#include "support/salt.hpp"

namespace sparsedistill {

// A sparse open-addressing table of slots. Each entry is a slot plus one; 0 is free.
class SeenSlots {
 public:
  // Removes all slots, and makes room for `count`.
  void clear(std::size_t count) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(kRoom * count, 16));
    if (entries_.size() < size || entries_.size() > kLargestKept) {
      entries_ = std::vector<std::uint32_t>(std::max(size, kSmallest));
    }
    mask_ = size - 1;
    std::fill_n(entries_.data(), size, 0);
    size_ = 0;
  }

  // Makes room for `more` slots, and keeps those seen.
  void reserve(std::size_t more) {
    if (kRoom * (size_ + more) <= 2 * (mask_ + 1)) return;
    const std::vector<std::uint32_t> old(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(mask_ + 1));
    const std::size_t size = size_;
    clear(2 * (size + more));
    size_ = size;
    for (const std::uint32_t entry : old) {
      if (entry != 0) *find(entry) = entry;
    }
  }

  // Adds `count` slots, copies those not seen before to `fresh`, and returns how many these are.
  SPARSEDISTILL_INLINE std::size_t insert(const std::uint32_t* slots, std::size_t count, std::uint32_t* fresh) {
    std::uint32_t* const entries = entries_.data();
    const std::size_t mask = mask_;
    const std::uint64_t salt = salt_;
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t entry = slots[i] + 1;
      std::uint32_t* place = &entries[((entry * salt) >> 32) & mask];
      // Another slot has the place. The condition is a product, since whether the place is free or has this slot is
      // unpredictable.
      if (std::uint64_t{*place} * (*place ^ entry) != 0) [[unlikely]]
        place = find(entry);
      fresh[found] = slots[i];
      found += *place == 0 ? 1 : 0;
      *place = entry;
    }
    size_ += found;
    return found;
  }

  // Copies those of `count` slots that have been seen to `there`, and returns how many these are.
  std::size_t select(const std::uint32_t* slots, std::size_t count, std::uint32_t* there) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
      there[found] = slots[i];
      found += *find(slots[i] + 1) == 0 ? 0 : 1;
    }
    return found;
  }

 private:
  static constexpr std::size_t kRoom = 8;  // entries per slot: nearly all slots are at their home
  static constexpr std::size_t kSmallest = std::size_t{1} << 13;
  static constexpr std::size_t kLargestKept = std::size_t{1} << 18;

  [[nodiscard]] SPARSEDISTILL_INLINE std::size_t home(std::uint32_t entry) const { return (entry * salt_) >> 32; }

  SPARSEDISTILL_INLINE std::uint32_t* find(std::uint32_t entry) {
    std::size_t at = home(entry) & mask_;
    while (entries_[at] != 0 && entries_[at] != entry) at = (at + 1) & mask_;
    return &entries_[at];
  }

  std::vector<std::uint32_t> entries_ = std::vector<std::uint32_t>(kSmallest);
  std::uint64_t salt_ = process_salt();
  std::size_t mask_ = kSmallest - 1;
  std::size_t size_ = 0;
};

}  // namespace sparsedistill
