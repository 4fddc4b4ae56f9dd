// Vectors of 16 floats, the unit of all float kernels.
//
// The kernels are written once, in the vector types of GCC and Clang, and compiled for each instruction set. Whatever
// the width of the registers, they add in the same order, and contraction to fused multiply-add is off for the whole
// core (-ffp-contract=off). All instruction sets therefore give the same bits; the portable one is the reference.
#pragma once

#include <cstddef>

#include "simd/target.hpp"

namespace sparsedistill::simd {

using Float16 = float __attribute__((vector_size(64)));

inline constexpr std::size_t kLanes = 16;

// Rounds `count` up to whole vectors.
SPARSEDISTILL_INLINE std::size_t padded(std::size_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

}  // namespace sparsedistill::simd
