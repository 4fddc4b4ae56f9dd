#include "vocabulary/count_table.hpp"

#include <random>

namespace sparsedistill {

const std::uint64_t CountTable::kSalt =
    (static_cast<std::uint64_t>(std::random_device{}()) << 32 | std::random_device{}()) | 1;

void CountTable::rebuild(std::size_t capacity, std::uint32_t threshold) {
  std::vector<Slot> old(capacity);
  old.swap(slots_);
  size_ = 0;
  for (const Slot& slot : old) {
    if (slot.count <= threshold) continue;
    find(slot.key()) = slot;
    ++size_;
  }
}

}  // namespace sparsedistill
