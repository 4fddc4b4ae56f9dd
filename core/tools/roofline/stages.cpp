#include "tools/roofline/stages.hpp"

namespace sparsedistill::roofline {

Stages stages(InstructionSet set, int slots) {
  static constexpr KernelChoice<Stages (*)(int)> kChoice = {
      .portable = compact_portable::stages,
#ifdef SPARSEDISTILL_X86
      .avx2 = compact_avx2::stages,
      .avx512 = compact_avx512::stages,
#endif
#ifdef SPARSEDISTILL_NEON
      .neon = compact_neon::stages,
#endif
  };
  return kChoice[set](slots);
}

}  // namespace sparsedistill::roofline
