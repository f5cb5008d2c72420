// Solves a row of fewer ratings than factors by its ratings: x = Yᵀ (Y Yᵀ + ridge·I)⁻¹ t, a system of as many equations
// as ratings. That takes n² k + n³ / 3 flops in place of n k² + k³ / 3.
#pragma once

#include "rows/refine.hpp"
#include "rows/vector_products.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

struct RowAnswer {
  bool good;  // false if single precision does not suffice: refinement needs the factor of A
  double objective, targets_squared;
};

// Only explicit ratings without a prior: what their A has besides the ratings is a multiple of I.
static inline bool is_short(const RowProblem& problem, int64_t row, int64_t width) {
  const int64_t n = problem.indptr[row + 1] - problem.indptr[row];
  return problem.feedback == Feedback::ratings && !problem.prior && !problem.refine_always && problem.ridge[row] > 0 &&
         round_up(n, kBlock) <= longest_short_row(width);
}

constexpr int64_t kDots = 4;  // 4 × 4 dot products keep 16 accumulators in flight
static_assert(kBlock % kDots == 0, "a block of the Gram matrix is computed in whole groups of dot products");
static_assert(kDots * kDots % kLanes == 0, "dot products are summed a whole register at a time");

// gram = panel · panelᵀ + constant, upper triangle by blocks, size × size; the rows beyond n are zeros.
static inline void multiply_panel(const float* panel, int64_t width, int64_t size, float constant, float* gram) {
  for (int64_t p = 0; p < size; p += kDots)
    for (int64_t q = p / kBlock * kBlock; q < size; q += kDots) {
      Vec sums[kDots * kDots] = {};
      for (int64_t f = 0; f < width; f += kLanes)
        for (int64_t r = 0; r < kDots; ++r)
          for (int64_t s = 0; s < kDots; ++s)
            sums[r * kDots + s] += load(panel + (p + r) * width + f) * load(panel + (q + s) * width + f);
      float dots[kDots * kDots];
      for (int64_t part = 0; part < kDots * kDots; part += kLanes) store(dots + part, sum_rows(sums + part));
      for (int64_t r = 0; r < kDots; ++r)
        for (int64_t s = 0; s < kDots; ++s) gram[(p + r) * size + q + s] = dots[r * kDots + s] + constant;
    }
}

static inline RowAnswer solve_by_ratings(const RowProblem& problem, int64_t row, Prefetcher& prefetcher,
                                         Scratch& scratch) {
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1], n = end - begin;
  const int64_t width = scratch.width, size = round_up(n, kBlock);
  const float ridge = problem.ridge[row];
  const BorderSums sums = gather(problem, begin, end, Weights::scaled, scratch);
  for (int64_t p = n; p < size; ++p)
    for (int64_t f = 0; f < width; f += kLanes) store(scratch.panel + p * width + f, Vec{});
  prefetcher.advance(size, end + scratch.panel_size);
  // (y, 1)ᵀ(y, 1) = yᵀy + 1, or with the roots of weights: (√c y, √c)ᵀ(√d z, √d) = √c √d (yᵀz + 1).
  multiply_panel(scratch.panel, width, size, problem.biases && !problem.weights ? 1.0f : 0.0f, scratch.A);
  if (problem.biases && problem.weights)
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p / kBlock * kBlock; q < n; ++q)
        scratch.A[p * size + q] += scratch.side[2 * p + 1] * scratch.side[2 * q + 1];
  float trace = 0;
  for (int64_t p = 0; p < size; ++p) {
    for (int64_t q = p < n ? n : p / kBlock * kBlock; q < size; ++q) scratch.A[p * size + q] = 0.0f;
    scratch.A[p * size + p] += ridge;
    trace += p < n ? scratch.A[p * size + p] : 0.0f;
    scratch.z[p] = p < n ? scratch.side[2 * p] : 0.0f;
    scratch.w[p] = 0.0f;
  }
  RowAnswer answer{false, 0, sums.targets_squared};
  if (!cholesky(scratch.A, size, scratch.inverse_diagonal, scratch.inverses)) return answer;
  if (is_ill_conditioned(problem, n, condition(n, trace, scratch))) return answer;
  solve_forward(scratch.A, size, scratch.inverses, scratch.z, scratch.w);
  solve_backward(scratch.A, size, scratch.inverses, scratch.z);
  for (int64_t f = 0; f < width; ++f) scratch.w[f] = 0.0f;
  add_weighted_panel(scratch.panel, width, width, scratch.z, 1, n, scratch.w);
  double bias = 0;
  for (int64_t p = 0; p < n; ++p) {
    bias += scratch.z[p] * scratch.side[2 * p + 1];
    answer.objective += double(ridge) * scratch.side[2 * p] * scratch.z[p];
  }
  for (int64_t f = 0; f < width; ++f) scratch.precise_x[f] = scratch.w[f];
  scratch.precise_x[width] = problem.biases ? bias : 0;
  // x is off by up to 2e-6 of itself, and the objective by the square of it; where less than 1e-6 is left, that shows.
  answer.good = answer.objective >= 1e-6 * sums.targets_squared && answer.objective < __builtin_inf();
  return answer;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
