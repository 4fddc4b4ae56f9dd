// Logits to probabilities.
#pragma once

#include <cstddef>
#include <span>

namespace sparsedistill {

// Writes the softmax of each row of `logits` (rows x classes), or with `multi_label` the sigmoid of each logit, to
// `probabilities`, which has the same size.
void compute_probabilities(std::span<const float> logits, std::size_t classes, bool multi_label,
                           std::span<float> probabilities);

}  // namespace sparsedistill
