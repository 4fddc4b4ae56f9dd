// The parts of a pair of texts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sparsedistill {

// Which texts of a pair contain an n-gram: both, only the first, or only the second. Each n-gram is in one part.
enum Part : std::uint8_t { kShared, kFirst, kSecond };
inline constexpr std::size_t kParts = 3;

}  // namespace sparsedistill
