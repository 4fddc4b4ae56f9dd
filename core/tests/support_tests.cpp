#include <cstddef>
#include <stdexcept>

#include "support/parallel.hpp"
#include "tests/check.hpp"

namespace sparsedistill::tests {

void test_support() {
  // An exception in a thread reaches the caller.
  CHECK(throws<std::runtime_error>([] {
    for_each_parallel(100, 4, [](std::size_t, std::size_t item) {
      if (item == 50) throw std::runtime_error("50");
    });
  }));
}

}  // namespace sparsedistill::tests
