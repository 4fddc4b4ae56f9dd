#include "model/probabilities.hpp"

#include <algorithm>
#include <cmath>

namespace sparsedistill {

namespace {

void softmax(std::span<const float> logits, std::span<float> probabilities) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  float sum = 0.0F;
  for (std::size_t c = 0; c < logits.size(); ++c) sum += probabilities[c] = std::exp(logits[c] - largest);
  for (float& probability : probabilities) probability /= sum;
}

}  // namespace

void compute_probabilities(std::span<const float> logits, std::size_t classes, bool multi_label,
                           std::span<float> probabilities) {
  if (multi_label) {
    const auto sigmoid = [](float logit) { return 1.0F / (1.0F + std::exp(-logit)); };
    std::transform(logits.begin(), logits.end(), probabilities.begin(), sigmoid);
    return;
  }
  if (classes == 0) return;
  for (std::size_t begin = 0; begin < logits.size(); begin += classes) {
    softmax(logits.subspan(begin, classes), probabilities.subspan(begin, classes));
  }
}

}  // namespace sparsedistill
