#include "model/network.hpp"

#include "support/require.hpp"

namespace sparsedistill {

bool is_product(std::size_t size, std::size_t rows, std::size_t columns) {
  std::size_t product = 0;
  return !__builtin_mul_overflow(rows, columns, &product) && size == product;
}

void Head::check(std::size_t features) const {
  require(features > 0 && hidden_size() > 0 && classes() > 0, "a layer is empty");
  require(is_product(hidden.weight.size(), hidden_size(), features),
          "the size of the hidden layer does not match the table");
  require(is_product(output.weight.size(), classes(), hidden_size()),
          "the size of the output layer does not match the hidden layer");
}

}  // namespace sparsedistill
