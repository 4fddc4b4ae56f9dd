// The instruction sets that kernels are compiled for, and the choice among them at run time.
#pragma once

#include <cstdint>
#include <vector>

namespace sparsedistill {

enum class InstructionSet : std::uint8_t { kPortable, kAvx2, kAvx512, kNeon };

// The instruction sets that this machine supports, the fastest last.
std::vector<InstructionSet> available_instruction_sets();

InstructionSet best_instruction_set();

// Throws std::invalid_argument if this machine does not support `set`.
void require_available(InstructionSet set);

// A kernel for each instruction set, as pointers. A null one stands for the portable kernel.
template <class Kernel>
struct KernelChoice {
  Kernel portable;
  Kernel avx2 = nullptr;
  Kernel avx512 = nullptr;
  Kernel neon = nullptr;

  [[nodiscard]] constexpr Kernel operator[](InstructionSet set) const {
    Kernel kernel = nullptr;
    if (set == InstructionSet::kAvx2) kernel = avx2;
    if (set == InstructionSet::kAvx512) kernel = avx512;
    if (set == InstructionSet::kNeon) kernel = neon;
    return kernel == nullptr ? portable : kernel;
  }
};

}  // namespace sparsedistill
