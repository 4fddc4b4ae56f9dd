#include "compact/kernel.hpp"

#include "simd/target.hpp"

namespace sparsedistill {

SumTexts sum_texts_kernel(InstructionSet set, const CompactTable& table) {
  static constexpr KernelChoice<SumTexts (*)(const CompactTable&)> kChoice = {
      .portable = compact_portable::choose,
#ifdef SPARSEDISTILL_X86
      .avx2 = compact_avx2::choose,
      .avx512 = compact_avx512::choose,
#endif
#ifdef SPARSEDISTILL_NEON
      .neon = compact_neon::choose,
#endif
  };
  return kChoice[set](table);
}

}  // namespace sparsedistill
