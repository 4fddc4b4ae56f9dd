// The loops over floats, compiled for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/classifier.hpp"
#include "simd/float16.hpp"

namespace sparsedistill {

namespace kernel {

inline constexpr std::size_t kBatch = 16;  // texts whose head is computed together
inline constexpr std::size_t kTile = 4;    // texts and hidden units that share loads

}  // namespace kernel

struct Kernels {
  // sum = of the given rows of the table (rows x dim), each index below its rows.
  void (*sum_rows)(const float* table, std::size_t dim, const std::uint32_t* rows, std::size_t count, float* sum);

  // hidden = tanh(W features + b) for up to kBatch texts. `features` are texts x stride and `weight`
  // units x stride, both padded with zeros; `hidden` is texts x hidden_stride.
  void (*hidden_layer)(const float* features, std::size_t texts, std::size_t stride, const float* weight,
                       const float* bias, std::size_t units, float* hidden, std::size_t hidden_stride);

  // y = tanh(b + x W) for one text; W is inputs x units, units a multiple of 16.
  void (*narrow_layer)(const float* x, std::size_t inputs, const float* weight, const float* bias, std::size_t units,
                       float* y);

  // y = b + x W, likewise.
  void (*linear)(const float* x, std::size_t inputs, const float* weight, const float* bias, std::size_t units,
                 float* y);

  // The dot product of `size` floats, a multiple of 16.
  float (*dot)(const float* a, const float* b, std::size_t size);
};

const Kernels& kernels(InstructionSet instruction_set);

}  // namespace sparsedistill
