// The hash table of n-gram counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

namespace sparsedistill {

// An open-addressing table from keys to counts, used by one thread.
class CountTable {
  struct Slot {  // 12 bytes: padding to 16 would hold a quarter fewer keys in the same memory
    std::uint32_t key_low;
    std::uint32_t key_high;
    std::uint32_t count;  // 0: empty
    [[nodiscard]] std::uint64_t key() const { return key_low | (static_cast<std::uint64_t>(key_high) << 32); }
  };
  static_assert(sizeof(Slot) == 12);

 public:
  static constexpr std::size_t kSlotBytes = sizeof(Slot);
  static constexpr double kLoadFactor = 0.8;  // maximum
  static constexpr double kGrowth = 1.25;

  // A slot counts to `most` and then starts again at 1. Only tests pass less than 32 bits hold.
  explicit CountTable(std::uint32_t most = std::numeric_limits<std::uint32_t>::max()) : most_(most) {}

  // Increments the count of `key`.
  void add(std::uint64_t key) {
    Slot& slot = find(key);
    if (slot.count == 0) {
      slot.key_low = static_cast<std::uint32_t>(key);
      slot.key_high = static_cast<std::uint32_t>(key >> 32);
      ++size_;
      if (static_cast<double>(size_) > kLoadFactor * static_cast<double>(slots_.size())) {
        slot.count = 1;
        rebuild(static_cast<std::size_t>(kGrowth * static_cast<double>(slots_.size())) + 1, 0);
        return;
      }
    }
    if (slot.count == most_) {
      carried_[key] += most_;
      slot.count = 0;
    }
    ++slot.count;
  }

  void prefetch(std::uint64_t key) const { __builtin_prefetch(&slots_[home(key)]); }

  // Removes the keys with a count of at most `threshold`.
  void prune(std::uint32_t threshold) { rebuild(slots_.size(), threshold); }
  // Removes all keys. The memory stays allocated.
  void clear();

  [[nodiscard]] std::size_t size() const { return size_; }

  // Calls visit(key, count) for each key, in no particular order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.count != 0) visit(slot.key(), slot.count + carried(slot.key()));
    }
  }

 private:
  static const std::uint64_t kSalt;

  [[nodiscard]] std::size_t home(std::uint64_t key) const {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(key * kSalt) * slots_.size()) >> 64);
  }

  // What the slot of `key` counted before it started again.
  [[nodiscard]] std::uint64_t carried(std::uint64_t key) const {
    if (carried_.empty()) return 0;
    const auto found = carried_.find(key);
    return found == carried_.end() ? 0 : found->second;
  }

  Slot& find(std::uint64_t key) {
    std::size_t at = home(key);
    while (slots_[at].count != 0 && slots_[at].key() != key) {
      if (++at == slots_.size()) at = 0;
    }
    return slots_[at];
  }

  // Moves the keys with a count above `threshold` to a table of `capacity` slots.
  void rebuild(std::size_t capacity, std::uint32_t threshold);

  std::vector<Slot> slots_ = std::vector<Slot>(64);
  std::size_t size_ = 0;
  std::uint32_t most_;
  std::unordered_map<std::uint64_t, std::uint64_t> carried_;  // a few of the most frequent keys
};

}  // namespace sparsedistill
