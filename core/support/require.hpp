// Checks of arguments.
#pragma once

#include <stdexcept>

namespace sparsedistill {

// Throws std::invalid_argument unless `condition` holds. The message is a short phrase: Python shows it in parentheses.
inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

}  // namespace sparsedistill
