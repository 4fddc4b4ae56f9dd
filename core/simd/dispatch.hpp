// The instruction sets that kernels are compiled for, one of which is picked at run time.
#pragma once

#include <vector>

namespace sparsedistill {

enum class Path { kPortable, kAvx2, kAvx512, kNeon };

// The paths that this machine has, the best one last.
std::vector<Path> available_paths();

}  // namespace sparsedistill
