// The stages for NEON. The source of the kernel is included, since it does not export them.
#include <vector>

#include "compact/kernel_neon.cpp"  // NOLINT(bugprone-suspicious-include)
#include "tools/roofline/stages.hpp"

#ifdef SPARSEDISTILL_NEON
namespace sparsedistill::compact_neon {
#include "tools/roofline/stages_generic.inc"
}  // namespace sparsedistill::compact_neon
#endif
