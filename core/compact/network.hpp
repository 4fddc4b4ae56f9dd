// The weights of a compact student.
#pragma once

#include <cstddef>
#include <span>

#include "model/network.hpp"

namespace sparsedistill {

// A row of a compact table has `dims` numbers: the first `wide` in two bytes (256 * first + second, both signed), the
// others in one. The head reads the mean over a text's n-grams, times `scale`, plus `centre`; zeros for a text without
// n-grams. For pairs, the sums of the parts are first projected back to the dimensions of the trained table by `basis`,
// and the pair features are computed there (see model/pairs.hpp).
struct CompactNetwork {
  std::size_t wide = 0;
  std::span<const float> scale;   // dims
  std::span<const float> centre;  // dims
  std::span<const float> basis;   // table_dim x dims for pairs; else empty
  Head head;

  [[nodiscard]] std::size_t dims() const { return scale.size(); }
  [[nodiscard]] std::size_t row_bytes() const { return wide + dims(); }
  [[nodiscard]] bool pair() const { return !basis.empty(); }
  [[nodiscard]] std::size_t table_dim() const { return pair() ? basis.size() / dims() : dims(); }
  [[nodiscard]] std::size_t features() const { return pair() ? pair_features(table_dim()) : dims(); }
};

}  // namespace sparsedistill
