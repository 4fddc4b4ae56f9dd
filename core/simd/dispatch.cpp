#include "simd/dispatch.hpp"

#include <algorithm>

#include "simd/target.hpp"
#include "support/require.hpp"

namespace sparsedistill {

std::vector<InstructionSet> available_instruction_sets() {
  std::vector<InstructionSet> sets = {InstructionSet::kPortable};
#ifdef SPARSEDISTILL_X86
  // Processors with AVX2 have LZCNT too, which compilers do not check by the same name.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    __builtin_cpu_supports("popcnt");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx2) sets.push_back(InstructionSet::kAvx2);
  if (avx512) sets.push_back(InstructionSet::kAvx512);
#endif
#ifdef SPARSEDISTILL_NEON
  sets.push_back(InstructionSet::kNeon);
#endif
  return sets;
}

InstructionSet best_instruction_set() { return available_instruction_sets().back(); }

void require_available(InstructionSet set) {
  const std::vector<InstructionSet> sets = available_instruction_sets();
  require(std::find(sets.begin(), sets.end(), set) != sets.end(), "this machine does not support the instruction set");
}

}  // namespace sparsedistill
