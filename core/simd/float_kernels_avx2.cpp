// The float kernels for AVX2.
#include <algorithm>
#include <cstring>

#include "simd/float16.hpp"
#include "simd/float_kernels.hpp"

#ifdef SPARSEDISTILL_X86
SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX2)
namespace sparsedistill::float_avx2 {
#include "simd/float_kernels_generic.inc"
}  // namespace sparsedistill::float_avx2
SPARSEDISTILL_END_TARGET
#endif
