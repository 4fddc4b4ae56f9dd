// The extension module sparsedistill._core.
#include <nanobind/nanobind.h>

#include <exception>
#include <system_error>

#include "bindings/rooms.hpp"

NB_MODULE(_core, m) {
  // Libraries that cache students keep them to the end of the process, which is no fault of this module.
  nanobind::set_leak_warnings(false);
  using namespace sparsedistill::bindings;
  // OSError with its errno, which says what to do.
  nanobind::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
      PyErr_SetObject(PyExc_OSError, Py_BuildValue("(is)", error.code().value(), error.what()));
    }
  });
  m.doc() = "The native core: all work per byte and per n-gram.";
  bind_text(m);
  bind_vocabulary(m);
  bind_model(m);
  bind_compact(m);
}
