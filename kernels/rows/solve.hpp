// The answer of one row, by the solver asked for.
#pragma once

#include "rows/conjugate_gradient.hpp"
#include "rows/precise_answer.hpp"
#include "rows/refine.hpp"
#include "rows/report.hpp"
#include "rows/rounded_row.hpp"
#include "rows/short_row.hpp"
#include "rows/subspace.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// The ridge with which a row to draw could be factorised: its own, or the least that single precision needs; negative
// if there is none.
static inline float factorize_to_draw(const RowProblem& problem, int64_t row, float size, Prefetcher& prefetcher,
                                      Scratch& scratch) {
  float ridge = problem.ridge[row];
  for (int attempt = 0; !factorize(problem, ridge, scratch); ++attempt) {
    if (attempt == kFactorizations) return -1;
    accumulate(problem, row, prefetcher, scratch);
    const float smallest = 1e-6f * size / float(problem.n_factors) + 1e-30f;
    ridge = ridge * 4 > smallest ? ridge * 4 : smallest;
  }
  return ridge;
}

static inline void draw_by_factors(const RowProblem& problem, int64_t row, Prefetcher& prefetcher, Scratch& scratch) {
  const BorderSums sums = accumulate(problem, row, prefetcher, scratch);
  const float size = trace(problem, scratch);
  const float ridge = factorize_to_draw(problem, row, size, prefetcher, scratch);
  if (ridge < 0) return answer_empty_row(problem, row);  // factors that are not finite
  const Factorized found = solve_factorized(problem, row, ridge, size, sums, scratch);
  const double* x = scratch.precise_x;
  // Nor does the objective follow from a factorisation of another ridge, or that single precision can hardly compute.
  const bool follows = ridge == problem.ridge[row] && found.difficulty.condition <= 1e6;
  report(problem, row, x, follows ? found.objective : objective_at(problem, row, x, scratch), scratch);
}

static inline void solve_by_factors(const RowProblem& problem, int64_t row, Prefetcher& prefetcher, Scratch& scratch) {
  if (wants_rounding(problem, row, scratch.width) && solve_by_rounded_factors(problem, row, prefetcher, scratch)) return;
  const BorderSums sums = accumulate(problem, row, prefetcher, scratch);
  const float size = trace(problem, scratch), ridge = problem.ridge[row];
  if (!factorize(problem, ridge, scratch)) return answer_precisely(problem, row, scratch);
  const Factorized found = solve_factorized(problem, row, ridge, size, sums, scratch);
  if (!(found.difficulty.condition <= kLargestCondition)) return answer_precisely(problem, row, scratch);
  const double* x = scratch.precise_x;
  const int64_t n_ratings = problem.indptr[row + 1] - problem.indptr[row];
  const bool is_good =
      !problem.refine_always && !is_ill_conditioned(problem, n_ratings, found.difficulty.condition) &&
      is_enough(problem, found.difficulty, found.objective, scratch);
  if (is_good) return report_difference(problem, row, x, found.objective, sums.targets_squared, scratch);
  const PreciseProducts products{problem, row, ridge, scratch};
  const Refined refined = refine(problem, products, found.border, found.difficulty, scratch);
  if (!refined.good) return answer_precisely(problem, row, scratch);
  report(problem, row, x, refined.objective, scratch);
}

static inline void solve_exactly(const RowProblem& problem, int64_t row, Prefetcher& prefetcher, Scratch& scratch) {
  if (problem.spread > 0) return draw_by_factors(problem, row, prefetcher, scratch);
  if (is_short(problem, row, scratch.width)) {
    RowAnswer answer{false, 0, 0};
    if (wants_rounding(problem, row, scratch.width)) answer = solve_by_ratings<true>(problem, row, prefetcher, scratch);
    if (!answer.good && !answer.is_ill_conditioned) answer = solve_by_ratings<false>(problem, row, prefetcher, scratch);
    if (answer.good)
      return report_difference(problem, row, scratch.precise_x, answer.objective, answer.targets_squared, scratch);
  }
  solve_by_factors(problem, row, prefetcher, scratch);
}

static inline void solve_in_steps(const RowProblem& problem, int64_t row, Scratch& scratch) {
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1], width = scratch.width;
  const float* start = problem.solution + row * problem.n_factors;
  for (int64_t f = 0; f < width; ++f) scratch.x[f] = f < problem.n_factors ? start[f] : 0.0f;
  const auto descend = problem.solver == Solver::subspace ? subspace_descent : conjugate_gradient;
  const Descent descent = descend(problem, begin, end, problem.ridge[row], scratch);
  double* x = scratch.precise_x;
  for (int64_t f = 0; f < width; ++f) x[f] = scratch.x[f];
  x[width] = 0;
  if (!is_trustworthy(descent, dot(x, x, width))) return answer_precisely(problem, row, scratch);
  report_difference(problem, row, x, descent.objective, descent.targets_squared, scratch);
}

static inline void solve_rows(const RowProblem& problem, int64_t first, int64_t last, void* memory) {
  Scratch scratch(problem.n_factors, problem.longest_row, memory);
  Prefetcher prefetcher{problem, problem.indptr[first], problem.indptr[last]};
  [[maybe_unused]] const TileRegisters registers{};
  for (int64_t row = first; row < last && !is_stopped(problem); ++row) {
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
