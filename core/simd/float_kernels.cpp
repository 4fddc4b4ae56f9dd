#include "simd/float_kernels.hpp"

#include "simd/target.hpp"

namespace sparsedistill {

const FloatKernels& float_kernels(InstructionSet set) {
  // NEON is part of the baseline of AArch64: the portable kernels use it.
  static constexpr KernelChoice<const FloatKernels*> kChoice = {
      .portable = &float_portable::kKernels,
#ifdef SPARSEDISTILL_X86
      .avx2 = &float_avx2::kKernels,
      .avx512 = &float_avx512::kKernels,
#endif
  };
  return *kChoice[set];
}

}  // namespace sparsedistill
