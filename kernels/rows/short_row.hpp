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
  bool is_ill_conditioned = false;
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

#ifdef MATINEE_ROUNDED

// The same of rounded factors, of a panel and into A.
static inline void multiply_rounded_panel(int64_t width, int64_t size, float constant, Scratch& scratch) {
  RoundedPanel rounded{size, scratch.pairs, scratch.transposed};
  bool is_fresh = true;
  for (int64_t column = 0; column < width; column += kTileRatings) {
    rounded.add_factors(Strided{scratch.panel, width}, column, width);
    if (!rounded.is_full() && column + kTileRatings < width) continue;
    add_products(rounded, is_fresh, scratch.A);
    rounded.n_tiles = 0;
    is_fresh = false;
  }
  for (int64_t i = 0; constant != 0 && i < size * size; i += kLanes) store(scratch.A + i, load(scratch.A + i) + constant);
}

#else

static inline void multiply_rounded_panel(int64_t, int64_t, float, Scratch&) {}

#endif

// Ratings' multipliers a = (Y Yᵀ + ridge·I)⁻¹ t, in scratch.z, and what they make of the factors, Yᵀ a, in scratch.w.
static inline void add_multipliers(const float* multipliers, int64_t n, Scratch& scratch) {
  add_weighted_panel(scratch.panel, scratch.width, scratch.width, multipliers, 1, n, scratch.w);
}

static inline double sum_products(const float* a, int64_t a_step, const float* b, int64_t b_step, int64_t n) {
  double sum = 0;
  for (int64_t p = 0; p < n; ++p) sum += double(a[p * a_step]) * b[p * b_step];
  return sum;
}

constexpr int kMultiplierCorrections = 4;

// Corrects multipliers that a rounded matrix gave; returns tᵀ a, or a negative number where that does not converge.
static inline double correct_multipliers(bool has_bias, int64_t n, int64_t size, float ridge, Scratch& scratch) {
  float *a = scratch.z, *left = scratch.moved;
  for (int correction = 0; correction < kMultiplierCorrections; ++correction) {
    predict_panel(scratch.panel, scratch.width, scratch.width, scratch.w, n, left);
    const float bias = has_bias ? float(sum_products(a, 1, scratch.side + 1, 2, n)) : 0.0f;
    for (int64_t p = 0; p < size; ++p)
      left[p] = p < n ? scratch.side[2 * p] - left[p] - bias * scratch.side[2 * p + 1] - ridge * a[p] : 0.0f;
    // The minimum of the dual problem, which nears its own as the square of the error.
    double targets_by_multipliers = sum_products(scratch.side, 2, a, 1, n) + dot(a, left, n);
    float* change = scratch.x;
    for (int64_t p = 0; p < size; ++p) change[p] = left[p];
    solve_forward<1>(scratch.A, size, scratch.inverses, {change});
    solve_backward(scratch.A, size, scratch.inverses, change);
    targets_by_multipliers += dot(left, change, n);
    for (int64_t p = 0; p < size; ++p) a[p] += change[p];
    add_multipliers(change, n, scratch);
    if (dot(change, change, n) <= kOnlyRoundedCorrection * dot(a, a, n)) return targets_by_multipliers;
  }
  return -1;
}

// Rounded, the matrix is that of rounded factors, and the multipliers are corrected.
template <bool rounded>
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
  const float of_biases = problem.biases && !problem.weights ? 1.0f : 0.0f;
  if (rounded)
    multiply_rounded_panel(width, size, of_biases, scratch);
  else
    multiply_panel(scratch.panel, width, size, of_biases, scratch.A);
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
  }
  RowAnswer answer{false, 0, sums.targets_squared};
  if (!cholesky(scratch.A, size, scratch.inverse_diagonal, scratch.inverses)) return answer;
  answer.is_ill_conditioned = is_ill_conditioned(problem, n, condition(n, trace, scratch));
  if (answer.is_ill_conditioned) return answer;
  solve_forward<1>(scratch.A, size, scratch.inverses, {scratch.z});
  solve_backward(scratch.A, size, scratch.inverses, scratch.z);
  for (int64_t f = 0; f < width; ++f) scratch.w[f] = 0.0f;
  add_multipliers(scratch.z, n, scratch);
  answer.objective = double(ridge) * (rounded ? correct_multipliers(problem.biases, n, size, ridge, scratch)
                                              : sum_products(scratch.side, 2, scratch.z, 1, n));
  for (int64_t f = 0; f < width; ++f) scratch.precise_x[f] = scratch.w[f];
  scratch.precise_x[width] = problem.biases ? sum_products(scratch.z, 1, scratch.side + 1, 2, n) : 0;
  // x is off by up to 2e-6 of itself, and the objective by the square of it; where less than 1e-6 is left, that shows.
  answer.good = answer.objective >= 1e-6 * sums.targets_squared && answer.objective < __builtin_inf();
  return answer;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
