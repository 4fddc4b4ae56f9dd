// The bucket table: a static hash table from keys to rows, read in place from memory or a mapped file.
//
// A bucket is one 64-byte cache line with five keys, their five rows, and a flag that is set if keys that hash to this
// bucket, or to one before it, are stored in later buckets. A lookup therefore costs one cache miss, rarely two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sparsedistill {

struct alignas(64) Bucket {
  static constexpr int kSlots = 5;
  std::uint64_t keys[kSlots];  // 0: empty
  std::uint32_t rows[kSlots];
  std::uint32_t overflowed;

  // The bucket of `key` in a table of `count` buckets: key * count / 2^64.
  static std::size_t home(std::uint64_t key, std::size_t count) {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(key) * count) >> 64);
  }
};
static_assert(sizeof(Bucket) == 64);

// Builds the table of `keys`, in which the row of a key is its position. Throws std::invalid_argument if a key occurs
// twice, or if the keys were chosen to crowd: see vocabulary/probes.hpp.
std::vector<Bucket> build_buckets(std::span<const std::uint64_t> keys);

// Views `words`, a row-major array of `rows` x `columns`, as buckets. Throws std::invalid_argument if it is not `rows`
// x 8 or not aligned to 64 bytes.
std::span<const Bucket> view_buckets(const std::uint64_t* words, std::size_t rows, std::size_t columns);

}  // namespace sparsedistill
