// What a solver in steps tells of a row, and whether single precision was enough for its steps.
#pragma once

#include "rows/refine.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

struct Descent {
  double targets_squared;  // Σ c t², the objective of x = 0
  double objective;        // where the steps have ended
  // Bounds of the curvature dᵀA d / dᵀd of the directions d that the steps took.
  double steepest, flattest;

  void notice(double steep, double flat) {
    steepest = steep > steepest ? steep : steepest;
    flattest = flat < flattest ? flat : flattest;
  }
};

// The rounding errors of the slope are about as large as those of a product with A, and raise the objective by their
// square over the curvature of the direction that they mislead.
static inline bool is_trustworthy(const Descent& descent, double length_squared) {
  const double errors = 4 * kRounding * descent.steepest * descent.steepest * length_squared;
  return descent.objective >= 1e-5 * descent.targets_squared && descent.objective < __builtin_inf() &&
         errors <= kTolerance * descent.objective * descent.flattest;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
