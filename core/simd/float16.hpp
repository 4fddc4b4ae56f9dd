// Vectors of 16 floats that every instruction_set adds up in the same order.
//
// The kernels are written once, on GCC/Clang vector types, and compiled for several instruction sets;
// contraction to fused multiply-add is off for the whole core (-ffp-contract=off). All instruction_sets therefore
// give the same bits, and the portable instruction_set is the reference of the others.
#pragma once

#include <cstddef>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define SPARSEDISTILL_X86 1
#endif

#define SPARSEDISTILL_INLINE inline __attribute__((always_inline))

namespace sparsedistill::simd {

using Float16 = float __attribute__((vector_size(64)));

inline constexpr std::size_t kLanes = 16;

SPARSEDISTILL_INLINE std::size_t padded(std::size_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

}  // namespace sparsedistill::simd
