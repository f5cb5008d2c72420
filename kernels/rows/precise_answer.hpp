// The answer of a row that is beyond single precision.
#pragma once

#include "rows/precise_row.hpp"
#include "rows/refine.hpp"
#include "rows/report.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// Takes `other` for x if its objective is lower, or if that of x is not a number.
static inline void keep_lower(const Triangle& triangle, const double* other, double* x, double& excess) {
  const double of_other = excess_at(triangle, other);
  if (!(of_other < excess || excess != excess)) return;
  for (int64_t f = 0; f <= triangle.width; ++f) x[f] = other[f];
  excess = of_other;
}

// Answers a row that single precision can't solve, and may hardly hold: rounding the answer may cost more than solving
// gains. So an answer is kept only if it is better than 0 and, in a fit, than what is there from the last iteration.
static inline void answer_precisely(const RowProblem& problem, int64_t row, Scratch& scratch) {
  const int64_t n_factors = problem.n_factors, width = scratch.width;
  double *x = scratch.precise_x, *other = scratch.direction;
  const Triangle triangle(problem, scratch);
  const double minimum = decompose(problem, row, triangle, scratch);
  solve_triangle<double>(triangle, x);
  for (int64_t f = 0; f <= width; ++f) x[f] = float(x[f]);
  double excess = excess_at(triangle, x);
  if (!(excess <= kTolerance * minimum)) {
    solve_triangle<float>(triangle, other);
    keep_lower(triangle, other, x, excess);
  }
  for (int64_t f = 0; f <= width; ++f) other[f] = 0;
  keep_lower(triangle, other, x, excess);
  if (excess != excess) return answer_empty_row(problem, row);  // factors that are not finite
  if (!problem.refine_always) {
    for (int64_t f = 0; f < n_factors; ++f) other[f] = problem.solution[row * n_factors + f];
    other[width] = problem.biases ? problem.biases[row] : 0;
    keep_lower(triangle, other, x, excess);
  }
  report(problem, row, x, minimum + excess, scratch);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
