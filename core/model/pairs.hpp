// The features of a pair of texts.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "vocabulary/parts.hpp"

namespace sparsedistill {

// Size of the features of a pair whose rows have `dim` numbers, in this order:
//   - for each part, the sum of its rows divided by the n-grams of the pair (kParts x dim);
//   - the product of the means of the two texts (dim), and their absolute difference (dim);
//   - for each part, its share of the n-grams of the pair (kParts).
constexpr std::size_t pair_features(std::size_t dim) { return (kParts + 2) * dim + kParts; }

// 1 / x, or 0 if x is 0.
inline float inverse(float x) { return x > 0 ? 1 / x : 0; }

// Computes the other features from the first kParts x dim, which must be set, and the number of n-grams of each part.
inline void complete_pair_features(const std::uint64_t (&counts)[kParts], std::size_t dim, float* features) {
  const float each = inverse(static_cast<float>(counts[kShared] + counts[kFirst] + counts[kSecond]));
  float* shares = features + (kParts + 2) * dim;
  for (std::size_t part = 0; part < kParts; ++part) shares[part] = static_cast<float>(counts[part]) * each;
  const float first = inverse(shares[kShared] + shares[kFirst]);
  const float second = inverse(shares[kShared] + shares[kSecond]);
  for (std::size_t d = 0; d < dim; ++d) {
    const float u = (features[kShared * dim + d] + features[kFirst * dim + d]) * first;
    const float v = (features[kShared * dim + d] + features[kSecond * dim + d]) * second;
    features[kParts * dim + d] = u * v;
    features[(kParts + 1) * dim + d] = std::abs(u - v);
  }
}

}  // namespace sparsedistill
