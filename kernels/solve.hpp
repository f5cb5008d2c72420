// The answer of one row, by the solver asked for.
#pragma once

#include "conjugate_gradient.hpp"
#include "refine.hpp"
#include "subspace.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

static inline void answer_empty_row(const RowProblem& problem, int64_t row) {
  for (int64_t f = 0; f < problem.n_factors; ++f) problem.solution[row * problem.n_factors + f] = 0.0f;
  if (problem.biases) problem.biases[row] = 0.0f;
  if (problem.squared_errors) problem.squared_errors[row] = 0;
  if (problem.penalties) problem.penalties[row] = 0;
}

// Writes down x, the penalty, and what is left of the objective: the squared error.
static inline void report(const RowProblem& problem, int64_t row, const double* x, double objective,
                          double targets_squared, Scratch& scratch) {
  const int64_t n_factors = problem.n_factors, width = scratch.width;
  for (int64_t f = 0; f < n_factors; ++f) problem.solution[row * n_factors + f] = float(x[f]);
  if (problem.biases) problem.biases[row] = float(x[width]);
  const float ridge = problem.ridge[row];
  const double penalty = ridge * dot(x, x, width + 1);
  if (problem.penalties) problem.penalties[row] = penalty;
  if (!problem.squared_errors) return;
  // Where the difference would be all rounding, the errors of explicit ratings are summed up.
  double squared_error = objective - penalty;
  if (problem.feedback == Feedback::ratings && squared_error < 0.05 * targets_squared)
    squared_error = find_residual(problem, problem.indptr[row], problem.indptr[row + 1], ridge, 1, x,
                                  scratch.residual, scratch);
  problem.squared_errors[row] = squared_error;
}

static inline void solve_exactly(const RowProblem& problem, int64_t row, int64_t chunk_end, Scratch& scratch) {
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1], width = scratch.width;
  const BorderSums sums = accumulate(problem, begin, end, chunk_end, scratch);
  const float size = trace(problem, scratch);
  float ridge = problem.ridge[row];
  for (int attempt = 0; !factorize(problem, ridge, scratch); ++attempt) {
    if (attempt == kFactorizations) return answer_empty_row(problem, row);  // factors that are not finite
    accumulate(problem, begin, end, chunk_end, scratch);
    const float smallest = 1e-6f * size / float(problem.n_factors) + 1e-30f;
    ridge = ridge * 4 > smallest ? ridge * 4 : smallest;
  }
  for (int64_t f = 0; f < width; ++f) {
    scratch.z[f] = scratch.border[f];
    scratch.w[f] = scratch.border[width + f];
  }
  solve_forward(scratch.A, width, scratch.inverses, scratch.z, scratch.w);
  // At the minimum the objective follows from the factorisation. A factor of another ridge tells nothing of it.
  const bool own_ridge = ridge == problem.ridge[row];
  double objective = own_ridge ? sums.targets_squared - dot(scratch.z, scratch.z, width) : 0;
  Border border{problem.biases != nullptr, 0};
  if (border.present) {
    const double pivot = sums.ones + ridge - dot(scratch.w, scratch.w, width);
    border.pivot = pivot > 1e-6 * sums.ones ? pivot : 1e-6 * sums.ones;
    const double left = sums.targets - dot(scratch.w, scratch.z, width);
    objective -= left * left / border.pivot;
  }
  double* x = scratch.precise_x;
  x[width] = solve_bordered(border, sums.targets, scratch);
  for (int64_t f = 0; f < width; ++f) x[f] = scratch.z[f];
  if (needs_refinement(problem, end - begin, condition(problem, size, scratch)))
    refine(problem, begin, end, problem.ridge[row], border, scratch);
  report(problem, row, x, objective, sums.targets_squared, scratch);
}

static inline void solve_in_steps(const RowProblem& problem, int64_t row, Scratch& scratch) {
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1], width = scratch.width;
  const float* start = problem.solution + row * problem.n_factors;
  for (int64_t f = 0; f < width; ++f) scratch.x[f] = f < problem.n_factors ? start[f] : 0.0f;
  const auto descend = problem.solver == Solver::subspace ? subspace_descent : conjugate_gradient;
  const double objective = descend(problem, begin, end, problem.ridge[row], scratch);
  for (int64_t f = 0; f < width; ++f) scratch.precise_x[f] = scratch.x[f];
  scratch.precise_x[width] = 0;
  report(problem, row, scratch.precise_x, objective, 0, scratch);
}

static inline void solve_rows(const RowProblem& problem, int64_t first, int64_t last, void* memory) {
  Scratch scratch(problem.n_factors, problem.longest_row, memory);
  for (int64_t row = first; row < last; ++row) {
    if (problem.indptr[row] == problem.indptr[row + 1])
      answer_empty_row(problem, row);
    else if (problem.solver == Solver::cholesky)
      solve_exactly(problem, row, problem.indptr[last], scratch);
    else
      solve_in_steps(problem, row, scratch);
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
