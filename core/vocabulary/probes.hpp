// Where the keys of a table are that found their home full: for the buckets of a vocabulary and the lines of a compact
// table.
//
// Homes are the upper bits of keys, and a corpus can be written whose keys share them. Such keys fill the first
// kNearProbes places from their home on and then continue at a second home, which depends on all bits of the key and on
// the size of the table: to crowd the second homes too, a corpus would have to foresee every size that is tried.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text/hash.hpp"

namespace sparsedistill {

// Upper bound on the places that a lookup reads. It limits the cost of a corrupt or hostile table.
inline constexpr std::size_t kMaxProbes = 64;
inline constexpr std::size_t kNearProbes = 8;
// Builders start again with a larger table if a key is beyond kMaxProbes, up to this many times the first size.
inline constexpr std::size_t kMostGrowth = 8;

// The second home of a key in a table of `count` places. The order of its n-gram, in the lowest three bits, is not
// used.
inline std::size_t second_home(std::uint64_t key, std::size_t count) {
  const std::uint64_t mixed = multiply_fold(key >> 3 ^ kSeed2, kSeed3 ^ (count * kSeed0));
  return static_cast<std::size_t>((static_cast<unsigned __int128>(mixed) * count) >> 64);
}

// The place that is read at `step`, at least 1, after `at`.
inline std::size_t next_probe(std::uint64_t key, std::size_t at, std::size_t step, std::size_t count) {
  if (step == kNearProbes) return second_home(key, count);
  return at + 1 == count ? 0 : at + 1;
}

}  // namespace sparsedistill
