#include "compact/kernel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "simd/float16.hpp"
#include "text/characters.hpp"

#if defined(SPARSEDISTILL_X86)
#include <immintrin.h>
#elif defined(SPARSEDISTILL_NEON)
#include <arm_neon.h>
#endif

namespace sparsedistill {

namespace compact_portable {
#define SPARSEDISTILL_COMPACT_PATH 0
#include "compact/kernel.inc"
#undef SPARSEDISTILL_COMPACT_PATH
}  // namespace compact_portable

#ifdef SPARSEDISTILL_X86

SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX2)
namespace compact_avx2 {
#define SPARSEDISTILL_COMPACT_PATH 1
#include "compact/kernel.inc"
#undef SPARSEDISTILL_COMPACT_PATH
}  // namespace compact_avx2
SPARSEDISTILL_END_TARGET

SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX512)
namespace compact_avx512 {
#define SPARSEDISTILL_COMPACT_PATH 2
#include "compact/kernel.inc"
#undef SPARSEDISTILL_COMPACT_PATH
}  // namespace compact_avx512
SPARSEDISTILL_END_TARGET

#endif

#ifdef SPARSEDISTILL_NEON
namespace compact_neon {
#define SPARSEDISTILL_COMPACT_PATH 3
#include "compact/kernel.inc"
#undef SPARSEDISTILL_COMPACT_PATH
}  // namespace compact_neon
#endif

SumTexts sum_texts(InstructionSet instruction_set, const CompactTable& table) {
  switch (instruction_set) {
#ifdef SPARSEDISTILL_X86
    case InstructionSet::kAvx2:
      return compact_avx2::choose(table);
    case InstructionSet::kAvx512:
      return compact_avx512::choose(table);
#endif
#ifdef SPARSEDISTILL_NEON
    case InstructionSet::kNeon:
      return compact_neon::choose(table);
#endif
    default:
      return compact_portable::choose(table);
  }
}

}  // namespace sparsedistill
