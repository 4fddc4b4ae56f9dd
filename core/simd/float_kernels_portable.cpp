// The float kernels, portable.
#include <algorithm>
#include <cstring>

#include "simd/float16.hpp"
#include "simd/float_kernels.hpp"

namespace sparsedistill::float_portable {
#include "simd/float_kernels_generic.inc"
}  // namespace sparsedistill::float_portable
