// The extension module sparsedistill._core.
#include <nanobind/nanobind.h>

#include "bindings/rooms.hpp"

NB_MODULE(_core, m) {
  using namespace sparsedistill::bindings;
  m.doc() = "The native core: all work per byte and per n-gram.";
  bind_text(m);
  bind_vocabulary(m);
  bind_model(m);
  bind_compact(m);
}
