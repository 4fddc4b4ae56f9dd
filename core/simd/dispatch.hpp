// The instruction sets that kernels are compiled for, one of which is picked at run time.
#pragma once

#include <vector>

namespace sparsedistill {

enum class InstructionSet { kPortable, kAvx2, kAvx512, kNeon };

// The instruction_sets that this machine has, the best one last.
std::vector<InstructionSet> available_instruction_sets();

}  // namespace sparsedistill
