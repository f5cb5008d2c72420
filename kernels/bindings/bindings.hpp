// What each file of this folder adds to the module.
#pragma once

#include <nanobind/nanobind.h>

namespace matinee {

void bind_sorting(nanobind::module_& module);
void bind_rows(nanobind::module_& module);
void bind_products(nanobind::module_& module);
void bind_prediction(nanobind::module_& module);
void bind_ranking(nanobind::module_& module);

}  // namespace matinee
