// A head, laid out for the float kernels.
#pragma once

#include <cstddef>
#include <vector>

#include "model/network.hpp"
#include "simd/float_kernels.hpp"
#include "simd/packed_layer.hpp"

namespace sparsedistill {

class HeadKernel {
 public:
  // The buffers of one thread.
  struct Scratch {
    std::vector<float> hidden;
    std::vector<float> outputs;
  };

  static constexpr std::size_t kBatch = FloatKernels::kBatch;  // texts per call

  // Copies the weights. The sizes of the layers must match: see Head::check.
  HeadKernel(const Head& head, std::size_t features);

  [[nodiscard]] Scratch scratch() const;

  // Computes the logits (texts x classes) of up to kBatch texts from their features (texts x features). The logits of a
  // text do not depend on the others.
  void score(const FloatKernels& kernels, const float* features, std::size_t texts, Scratch& scratch,
             float* logits) const;

 private:
  std::size_t features_;
  std::size_t classes_;
  simd::PackedLayer hidden_;
  simd::PackedLayer output_;
};

}  // namespace sparsedistill
