// The stages, portable. The source of the kernel is included, since it does not export them.
#include <vector>

#include "compact/kernel_portable.cpp"  // NOLINT(bugprone-suspicious-include)
#include "tools/roofline/stages.hpp"

namespace sparsedistill::compact_portable {
#include "tools/roofline/stages_generic.inc"
}  // namespace sparsedistill::compact_portable
