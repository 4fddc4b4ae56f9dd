// What the head reads of two texts.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "vocabulary/parts.hpp"

namespace sparsedistill {

// Numbers that the head reads of a pair whose rows have `dim` of them: the sum of each part's rows by n-gram
// of the pair, the product and the distance of the two texts' means, and each part's share of the n-grams.
constexpr std::size_t pair_features(std::size_t dim) { return (kParts + 2) * dim + kParts; }

// 1 / x, or 0 for none.
inline float inverse(float x) { return x > 0 ? 1 / x : 0; }

// Reckon all features from the first ones, the sums of the parts' rows by n-gram of the pair (kParts x dim),
// and the parts' n-grams.
inline void compare(const std::uint64_t (&counts)[kParts], std::size_t dim, float* features) {
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
