#include "compact/kernel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "simd/float16.hpp"
#include "text/characters.hpp"

#if defined(SPARSEDISTILL_X86)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define SPARSEDISTILL_NEON 1
#endif

// All functions of the included file are compiled for the instruction set that is switched on here.
#if defined(__clang__)
#define SPARSEDISTILL_PRAGMA(TEXT) _Pragma(#TEXT)
#define SPARSEDISTILL_BEGIN_TARGET(NAMES) \
  SPARSEDISTILL_PRAGMA(clang attribute push(__attribute__((target(NAMES))), apply_to = function))
#define SPARSEDISTILL_END_TARGET _Pragma("clang attribute pop")
#else
#define SPARSEDISTILL_PRAGMA(TEXT) _Pragma(#TEXT)
#define SPARSEDISTILL_BEGIN_TARGET(NAMES) _Pragma("GCC push_options") SPARSEDISTILL_PRAGMA(GCC target(NAMES))
#define SPARSEDISTILL_END_TARGET _Pragma("GCC pop_options")
#endif

namespace sparsedistill {

namespace compact_portable {
#define SPARSEDISTILL_COMPACT_PATH 0
#include "compact/kernel.inc"
#undef SPARSEDISTILL_COMPACT_PATH
}  // namespace compact_portable

#ifdef SPARSEDISTILL_X86

SPARSEDISTILL_BEGIN_TARGET("avx2,bmi,bmi2,lzcnt,popcnt")
namespace compact_avx2 {
#define SPARSEDISTILL_COMPACT_PATH 1
#include "compact/kernel.inc"
#undef SPARSEDISTILL_COMPACT_PATH
}  // namespace compact_avx2
SPARSEDISTILL_END_TARGET

SPARSEDISTILL_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi,bmi2,lzcnt,popcnt")
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
