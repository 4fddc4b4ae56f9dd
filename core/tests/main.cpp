// Tests of the core, without Python. Run under AddressSanitizer and UndefinedBehaviorSanitizer.
#include <cstdio>
#include <cstdlib>

#include "tests/check.hpp"

int main() {
  using namespace sparsedistill::tests;
  test_support();
  test_text();
  test_vocabulary();
  test_model();
  test_compact();
  std::printf("core tests: %s\n", failures == 0 ? "all passed" : "FAILED");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
