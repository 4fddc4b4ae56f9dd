#include "vocabulary/count_table.hpp"

#include <algorithm>

#include "support/salt.hpp"

namespace sparsedistill {

const std::uint64_t CountTable::kSalt = process_salt();

void CountTable::rebuild(std::size_t capacity, std::uint32_t threshold) {
  std::vector<Slot> old(capacity);
  old.swap(slots_);
  size_ = 0;
  for (const Slot& slot : old) {
    if (slot.count <= threshold && (slot.count == 0 || carried(slot.key()) == 0)) continue;
    find(slot.key()) = slot;
    ++size_;
  }
}

void CountTable::clear() {
  std::ranges::fill(slots_, Slot{});
  size_ = 0;
  carried_.clear();
}

}  // namespace sparsedistill
