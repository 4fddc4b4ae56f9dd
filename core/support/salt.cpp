#include "support/salt.hpp"

#include <random>

namespace sparsedistill {

std::uint64_t process_salt() {
  static const std::uint64_t salt = [] {
    std::random_device random;
    return (std::uint64_t{random()} << 32 | random()) | 1;
  }();
  return salt;
}

}  // namespace sparsedistill
