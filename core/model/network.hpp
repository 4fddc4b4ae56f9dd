// The weights of a student.
#pragma once

#include <cstddef>
#include <span>

#include "model/pairs.hpp"

namespace sparsedistill {

// A dense layer: y = W x + b, with W as in torch.nn.Linear (outputs x inputs, row-major).
struct Layer {
  std::span<const float> weight;
  std::span<const float> bias;
};

// A hidden layer followed by tanh, and an output layer.
struct Head {
  Layer hidden;
  Layer output;

  [[nodiscard]] std::size_t hidden_size() const { return hidden.bias.size(); }
  [[nodiscard]] std::size_t classes() const { return output.bias.size(); }

  // Throws std::invalid_argument if a layer is empty or the sizes do not match each other or `features`.
  void check(std::size_t features) const;
};

struct Network {
  std::span<const float> table;  // rows x dim
  std::size_t dim = 0;
  bool pair = false;  // the head reads pair features: see pairs.hpp
  Head head;

  [[nodiscard]] std::size_t features() const { return pair ? pair_features(dim) : dim; }
};

// Whether `size` is rows * columns, without overflow.
bool is_product(std::size_t size, std::size_t rows, std::size_t columns);

}  // namespace sparsedistill
