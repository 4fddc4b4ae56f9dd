// The float kernels: sums of rows and dense layers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simd/dispatch.hpp"

namespace sparsedistill {

struct FloatKernels {
  static constexpr std::size_t kBatch = 16;  // texts that hidden_layer takes at most

  // sum (dim) = the sum of `count` rows of the table (rows x dim). Every index must be valid.
  void (*sum_rows)(const float* table, std::size_t dim, const std::uint32_t* rows, std::size_t count, float* sum);

  // hidden = tanh(features W^T + bias) for up to kBatch texts. `features` is kBatch x stride and `weight` units x
  // stride, stride a multiple of 16, both padded with zeros; `hidden` is kBatch x hidden_stride, hidden_stride a
  // multiple of 16. Rows of `features` beyond the last text are read, but not used.
  void (*hidden_layer)(const float* features, std::size_t texts, std::size_t stride, const float* weight,
                       const float* bias, std::size_t units, float* hidden, std::size_t hidden_stride);

  // y = tanh(x W + bias) for one text. W is inputs x units, units a multiple of 16.
  void (*narrow_layer)(const float* x, std::size_t inputs, const float* weight, const float* bias, std::size_t units,
                       float* y);

  // y = x W + bias, with the same shapes.
  void (*linear)(const float* x, std::size_t inputs, const float* weight, const float* bias, std::size_t units,
                 float* y);

  // The dot product of `size` floats, a multiple of 16.
  float (*dot)(const float* a, const float* b, std::size_t size);
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
