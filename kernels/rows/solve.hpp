// The answer of one row, by the solver asked for.
#pragma once

#include "rows/conjugate_gradient.hpp"
#include "rows/normal_draws.hpp"
#include "rows/refine.hpp"
#include "rows/short_row.hpp"
#include "rows/subspace.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

static inline void answer_empty_row(const RowProblem& problem, int64_t row) {
  for (int64_t f = 0; f < problem.n_factors; ++f) problem.solution[row * problem.n_factors + f] = 0.0f;
  if (problem.biases) problem.biases[row] = 0.0f;
  if (problem.squared_errors) problem.squared_errors[row] = 0;
  if (problem.penalties) problem.penalties[row] = 0;
}

// Writes x, the penalty, and the rest of the objective, which is the squared error.
static inline void report(const RowProblem& problem, int64_t row, const double* x, double objective,
                          double targets_squared, Scratch& scratch) {
  const int64_t n_factors = problem.n_factors, width = scratch.width;
  for (int64_t f = 0; f < n_factors; ++f) problem.solution[row * n_factors + f] = float(x[f]);
  if (problem.biases) problem.biases[row] = float(x[width]);
  const float ridge = problem.ridge[row];
  const double penalty = ridge * dot(x, x, width + 1);
  if (problem.penalties) problem.penalties[row] = penalty;
  if (!problem.squared_errors) return;
  // If the difference would be all rounding, the errors of explicit ratings are summed up.
  double squared_error = objective - penalty;
  if (problem.feedback == Feedback::ratings && !problem.prior && squared_error < 0.005 * targets_squared)
    squared_error = find_residual(problem, row, ridge, 1, x, scratch.residual, scratch);
  problem.squared_errors[row] = squared_error;
}

// The objective of explicit ratings at x, with what the prior adds, from the ratings themselves.
static inline double evaluate(const RowProblem& problem, int64_t row, const double* x, Scratch& scratch) {
  const int64_t width = scratch.width;
  const float ridge = problem.ridge[row];
  const double squared_error = find_residual(problem, row, ridge, 1, x, scratch.residual, scratch);
  // q − (P + ridge·I) x, and q by itself: xᵀ(P + ridge·I)x − 2qᵀx is −xᵀ of their sum.
  double *of_prior = scratch.product, *of_shift = scratch.direction, *zero = scratch.residual;
  for (int64_t f = 0; f <= width; ++f) zero[f] = 0;
  start_residual(problem, row, ridge, 1, x, of_prior, width);
  start_residual(problem, row, ridge, 1, zero, of_shift, width);
  return squared_error - dot(x, of_prior, width + 1) - dot(x, of_shift, width + 1);
}

// The noise of a row's draw, or null for the mean.
static inline const float* draw_noise(const RowProblem& problem, int64_t row, Scratch& scratch) {
  if (!(problem.spread > 0)) return nullptr;
  // The number of the bias follows those of the factors, so that it does not depend on the padding.
  float* noise = scratch.border;
  draw_normals(problem.seed, uint64_t(row * problem.noise_stride), problem.n_factors + 1, problem.spread, noise);
  const float of_bias = noise[problem.n_factors];
  for (int64_t f = problem.n_factors; f < scratch.width; ++f) noise[f] = 0.0f;
  noise[scratch.width] = of_bias;
  return noise;
}

static inline void solve_by_factors(const RowProblem& problem, int64_t row, Prefetcher& prefetcher, Scratch& scratch) {
  const int64_t n_ratings = problem.indptr[row + 1] - problem.indptr[row], width = scratch.width;
  BorderSums sums = accumulate(problem, row, prefetcher, scratch);
  const float size = trace(problem, scratch);
  float ridge = problem.ridge[row];
  for (int attempt = 0; !factorize(problem, ridge, scratch); ++attempt) {
    if (attempt == kFactorizations) return answer_empty_row(problem, row);  // factors that are not finite
    sums = accumulate(problem, row, prefetcher, scratch);
    const float smallest = 1e-6f * size / float(problem.n_factors) + 1e-30f;
    ridge = ridge * 4 > smallest ? ridge * 4 : smallest;
  }
  for (int64_t f = 0; f < width; ++f) {
    scratch.z[f] = scratch.border[f];
    scratch.w[f] = problem.biases ? scratch.border[width + f] : 0.0f;
  }
  solve_forward(scratch.A, width, scratch.inverses, scratch.z, scratch.w);
  // At the minimum the objective follows from the factorisation, unless that is of another ridge.
  const bool own_ridge = ridge == problem.ridge[row];
  double objective = own_ridge ? sums.targets_squared - dot(scratch.z, scratch.z, width) : 0;
  Border border{problem.biases != nullptr, 0};
  if (border.present) {
    const double pivot = sums.ones + ridge - dot(scratch.w, scratch.w, width);
    border.pivot = pivot > 1e-6 * sums.ones ? pivot : 1e-6 * sums.ones;
    const double left = sums.targets - dot(scratch.w, scratch.z, width);
    objective -= left * left / border.pivot;
  }
  // Factors that are nearly constant are hard to tell from a bias: its pivot is a small difference of large numbers.
  const float factor_condition = condition(problem.n_factors, size, scratch);
  const float border_condition = border.present ? float((sums.ones + ridge) / border.pivot) : 0.0f;
  const float worst = factor_condition > border_condition ? factor_condition : border_condition;
  const float* noise = draw_noise(problem, row, scratch);
  // What moving x from the minimum adds: (x − mean)ᵀ A (x − mean).
  if (noise) objective += dot(noise, noise, width) + (border.present ? double(noise[width]) * noise[width] : 0);
  double* x = scratch.precise_x;
  x[width] = solve_bordered(border, sums.targets, noise, scratch);
  for (int64_t f = 0; f < width; ++f) x[f] = scratch.z[f];
  if (needs_refinement(problem, n_ratings, worst)) refine(problem, row, problem.ridge[row], border, scratch);
  // Nor does the objective follow from a factorisation that single precision can hardly compute.
  if ((!own_ridge || worst > 1e6f) && problem.prior && problem.feedback == Feedback::ratings)
    objective = evaluate(problem, row, x, scratch);
  report(problem, row, x, objective, sums.targets_squared, scratch);
}

static inline void solve_exactly(const RowProblem& problem, int64_t row, Prefetcher& prefetcher, Scratch& scratch) {
  if (is_short(problem, row, scratch.width)) {
    const RowAnswer answer = solve_by_ratings(problem, row, prefetcher, scratch);
    if (answer.good) return report(problem, row, scratch.precise_x, answer.objective, answer.targets_squared, scratch);
  }
  solve_by_factors(problem, row, prefetcher, scratch);
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
  Prefetcher prefetcher{problem, problem.indptr[first], problem.indptr[last]};
  for (int64_t row = first; row < last; ++row) {
    if (problem.indptr[row] == problem.indptr[row + 1] && !problem.shift)
      answer_empty_row(problem, row);
    else if (problem.solver == Solver::cholesky)
      solve_exactly(problem, row, prefetcher, scratch);
    else
      solve_in_steps(problem, row, scratch);
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
