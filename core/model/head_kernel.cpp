#include "model/head_kernel.hpp"

#include <algorithm>

namespace sparsedistill {

HeadKernel::HeadKernel(const Head& head, std::size_t features)
    : features_(features),
      classes_(head.classes()),
      hidden_(head.hidden.weight, head.hidden.bias, features),
      output_(head.output.weight, head.output.bias, head.hidden_size()) {}

HeadKernel::Scratch HeadKernel::scratch() const {
  return {std::vector<float>(kBatch * hidden_.width()), std::vector<float>(kBatch * output_.width())};
}

void HeadKernel::score(const FloatKernels& kernels, const float* features, std::size_t texts, Scratch& scratch,
                       float* logits) const {
  kernels.hidden_layer(features, texts, features_, hidden_.view(), scratch.hidden.data());
  kernels.linear(scratch.hidden.data(), texts, hidden_.width(), output_.view(), scratch.outputs.data());
  for (std::size_t i = 0; i < texts; ++i) {
    std::copy_n(&scratch.outputs[i * output_.width()], classes_, logits + i * classes_);
  }
}

}  // namespace sparsedistill
