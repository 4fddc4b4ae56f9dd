// The bindings of each room of the core. They convert arguments and results, and release the GIL around all work on
// texts; the rooms do everything else.
#pragma once

#include <nanobind/nanobind.h>

namespace sparsedistill::bindings {

void bind_text(nanobind::module_& m);
void bind_vocabulary(nanobind::module_& m);
void bind_model(nanobind::module_& m);
void bind_compact(nanobind::module_& m);

}  // namespace sparsedistill::bindings
