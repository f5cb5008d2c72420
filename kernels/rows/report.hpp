// Writes what was found of a row.
#pragma once

#include "rows/row_objective.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

static inline void answer_empty_row(const RowProblem& problem, int64_t row) {
  for (int64_t f = 0; f < problem.n_factors; ++f) problem.solution[row * problem.n_factors + f] = 0.0f;
  if (problem.biases) problem.biases[row] = 0.0f;
  if (problem.squared_errors) problem.squared_errors[row] = 0;
  if (problem.penalties) problem.penalties[row] = 0;
}

// Writes x, the penalty, and the rest of the objective, which is the squared error.
static inline void report(const RowProblem& problem, int64_t row, const double* x, double objective, Scratch& scratch) {
  if (is_stopped(problem)) return;
  const int64_t n_factors = problem.n_factors, width = scratch.width;
  for (int64_t f = 0; f < n_factors; ++f) problem.solution[row * n_factors + f] = float(x[f]);
  if (problem.biases) problem.biases[row] = float(x[width]);
  const double penalty = problem.ridge[row] * dot(x, x, width + 1);
  if (problem.penalties) problem.penalties[row] = penalty;
  if (problem.squared_errors) problem.squared_errors[row] = objective - penalty;
}

// The same, of an objective that was computed as a difference from Σ c t²: if that is all rounding, it is summed up.
static inline void report_difference(const RowProblem& problem, int64_t row, const double* x, double objective,
                                     double targets_squared, Scratch& scratch) {
  const double penalty = problem.ridge[row] * dot(x, x, scratch.width + 1);
  const bool vanishes = objective - penalty < 0.005 * targets_squared && !problem.shift;
  if (problem.squared_errors && vanishes) objective = objective_at(problem, row, x, scratch);
  report(problem, row, x, objective, scratch);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
