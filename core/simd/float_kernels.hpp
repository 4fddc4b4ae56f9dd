// The float kernels: sums of rows and dense layers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simd/dispatch.hpp"

namespace sparsedistill {

// The inputs that a block of units reads: from `first` to before `last`.
struct InputRange {
  std::uint32_t first;
  std::uint32_t last;

  bool operator==(const InputRange&) const = default;
};

// A dense layer in blocks of 16 units: see PackedLayer.
struct DenseLayer {
  const float* weight;       // per block, its inputs x 16
  const float* bias;         // blocks x 16
  const InputRange* inputs;  // of each block
  std::size_t blocks;
};

struct FloatKernels {
  static constexpr std::size_t kBatch = 16;  // texts that a layer takes at most

  // sum (dim) = the sum of `count` rows of the table (rows x dim). Every index must be valid.
  void (*sum_rows)(const float* table, std::size_t dim, const std::uint32_t* rows, std::size_t count, float* sum);

  // y = x W + bias for up to kBatch texts. `x` is texts x stride, stride at least the inputs; `y` is texts x the padded
  // units. The bits of a text do not depend on the other texts.
  void (*linear)(const float* x, std::size_t texts, std::size_t stride, const DenseLayer& layer, float* y);

  // y = tanh(x W + bias), with the same shapes.
  void (*hidden_layer)(const float* x, std::size_t texts, std::size_t stride, const DenseLayer& layer, float* y);
};

// Each instruction set has a file that defines its kernels.
namespace float_portable {
extern const FloatKernels kKernels;
}
namespace float_avx2 {
extern const FloatKernels kKernels;
}
namespace float_avx512 {
extern const FloatKernels kKernels;
}

const FloatKernels& float_kernels(InstructionSet set);

}  // namespace sparsedistill
