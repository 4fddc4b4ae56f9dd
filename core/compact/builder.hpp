// Builds compact tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compact/layout.hpp"

namespace sparsedistill {

struct CompactBuild {
  std::vector<Line> lines;
  std::size_t lost = 0;  // keys that were indistinguishable from an earlier one
};

// Builds the lines for `keys` (n) with their rows (n x row_bytes, at most what `slots` leave room for) and followers
// (n). Throws std::invalid_argument if the sizes do not match or there are too many keys.
CompactBuild build_compact(std::span<const std::uint64_t> keys, std::span<const std::uint8_t> rows,
                           std::size_t row_bytes, std::span<const std::uint16_t> followers, int slots);

// The followers of each of `keys` (see compact/layout.hpp), from the strings of the same n-grams; 0 for n-grams without
// any. Prefixes that are not among the keys are ignored.
std::vector<std::uint16_t> followers_of(std::span<const std::uint64_t> keys, std::span<const std::string> ngrams);

}  // namespace sparsedistill
