#include "vocabulary/buckets.hpp"

#include "support/require.hpp"
#include "vocabulary/probes.hpp"

namespace sparsedistill {

namespace {

constexpr double kLoadFactor = 0.625;  // above it, full buckets and second cache misses become common

// Inserts `keys` into empty `buckets`. Returns false if a key would be beyond kMaxProbes.
bool place(std::span<const std::uint64_t> keys, std::vector<Bucket>& buckets) {
  for (std::size_t row = 0; row < keys.size(); ++row) {
    const std::uint64_t key = keys[row];
    std::size_t at = Bucket::home(key, buckets.size());
    for (std::size_t step = 1;; ++step) {
      Bucket& bucket = buckets[at];
      int slot = 0;
      for (; slot < Bucket::kSlots && bucket.keys[slot] != 0; ++slot) {
        require(bucket.keys[slot] != key, "an n-gram occurs twice");
      }
      if (slot < Bucket::kSlots) {
        bucket.keys[slot] = key;
        bucket.rows[slot] = static_cast<std::uint32_t>(row);
        break;
      }
      bucket.overflowed = 1;
      if (step == kMaxProbes) return false;
      at = next_probe(key, at, step, buckets.size());
    }
  }
  return true;
}

}  // namespace

std::vector<Bucket> build_buckets(std::span<const std::uint64_t> keys) {
  auto count = static_cast<std::size_t>(static_cast<double>(keys.size()) / (kLoadFactor * Bucket::kSlots)) + 1;
  const std::size_t most = kMostGrowth * count;
  for (;; count += count / 8 + 1) {
    require(count <= most, "the hashes of too many n-grams are alike");
    std::vector<Bucket> buckets(count, Bucket{});
    if (place(keys, buckets)) return buckets;
  }
}

std::span<const Bucket> view_buckets(const std::uint64_t* words, std::size_t rows, std::size_t columns) {
  require(columns * sizeof(std::uint64_t) == sizeof(Bucket), "the bucket table is not n x 8");
  require(reinterpret_cast<std::uintptr_t>(words) % alignof(Bucket) == 0,
          "the bucket table is not aligned to 64 bytes");
  return {reinterpret_cast<const Bucket*>(words), rows};
}

}  // namespace sparsedistill
