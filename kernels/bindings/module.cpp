// The Python module. This folder is all that knows Python: it checks shapes, releases the interpreter, and spreads the
// work over threads.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/bindings.hpp"
#include "levels/dispatch.hpp"

using namespace nanobind::literals;

NB_MODULE(_kernels, module) {
  using namespace matinee;
  module.doc() = "Matinee's native kernels: arrays in, arrays out.";
  bind_sorting(module);
  bind_rows(module);
  bind_products(module);
  bind_prediction(module);
  bind_ranking(module);
  module.def("levels", &level_names, "Instruction-set levels this machine can run, the widest first.");
  module.def("level", [] { return std::string(level->name); }, "The level in use.");
  module.def("use_level", &use_level, "name"_a, "Run the kernels at this level from now on.");
}
