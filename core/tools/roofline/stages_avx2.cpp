// The stages for AVX2. The source of the kernel is included, since it does not export them.
#include <vector>

#include "compact/kernel_avx2.cpp"  // NOLINT(bugprone-suspicious-include)
#include "tools/roofline/stages.hpp"

#ifdef SPARSEDISTILL_X86
SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX2)
namespace sparsedistill::compact_avx2 {
#include "tools/roofline/stages_generic.inc"
}  // namespace sparsedistill::compact_avx2
SPARSEDISTILL_END_TARGET
#endif
