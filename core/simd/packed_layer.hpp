// A dense layer, laid out for the float kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "simd/float_kernels.hpp"

namespace sparsedistill::simd {

class PackedLayer {
 public:
  PackedLayer() = default;

  // Copies a layer. `weight` is outputs x inputs, as in torch.nn.Linear; the inputs before the first weight of a block
  // that is not zero, and after its last, are left out. A student of several networks has many such.
  PackedLayer(std::span<const float> weight, std::span<const float> bias, std::size_t inputs);

  [[nodiscard]] DenseLayer view() const { return {weight_.data(), bias_.data(), inputs_.data(), inputs_.size()}; }

  // Outputs, rounded up to whole vectors.
  [[nodiscard]] std::size_t width() const { return bias_.size(); }

 private:
  std::vector<float> weight_;
  std::vector<float> bias_;
  std::vector<InputRange> inputs_;  // of each block
};

}  // namespace sparsedistill::simd
