// Refines answers beyond single precision: the residual comes from the ratings themselves, and the factor corrects it.
#pragma once

#include "rows/normal_equations.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// out = −(prior + ridge·I) x + targets · shift, with the bias behind the factors.
static inline void start_residual(const RowProblem& problem, int64_t row, float ridge, double targets,
                                  const double* x, double* out, int64_t width) {
  for (int64_t f = 0; f <= width; ++f) out[f] = -double(ridge) * x[f];
  if (problem.precise_prior)
    for (int64_t f = 0; f < width; ++f)
      for (int64_t g = 0; g < width; ++g) out[g] -= x[f] * problem.precise_prior[f * width + g];
  if (problem.prior_border) {
    for (int64_t f = 0; f < width; ++f) out[f] -= x[width] * problem.prior_border[f];
    out[width] -= dot(x, problem.prior_border, width) + x[width] * problem.prior_corner;
  }
  if (!problem.shift) return;
  const float* shift = problem.shift + row * problem.shift_stride;
  for (int64_t f = 0; f < problem.n_factors; ++f) out[f] += targets * shift[f];
  out[width] += targets * shift[problem.n_factors];
}

// out = targets · b − A x from the ratings themselves, in double precision, with targets 1 or 0; returns
// Σ (targets · t − yᵀx − bias)², which is the squared error of explicit ratings.
static inline double find_residual(const RowProblem& problem, int64_t row, float ridge, double targets,
                                   const double* x, double* out, Scratch& scratch) {
  typedef float HalfVec __attribute__((vector_size(MATINEE_LANES * 2), aligned(4), may_alias));
  typedef double DoubleVec __attribute__((vector_size(MATINEE_LANES * 4)));
  typedef double LooseDoubleVec __attribute__((vector_size(MATINEE_LANES * 4), aligned(8), may_alias));
  constexpr int64_t lanes = kLanes / 2;
  const int64_t width = scratch.width;
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1];
  const double bias = x[width];
  start_residual(problem, row, ridge, targets, x, out, width);
  double squared_error = 0, error_sum = 0;
  for_each_panel(problem, begin, end, Weights::plain, scratch, [&](int64_t, int64_t n) {
    for (int64_t p = 0; p < n; ++p) {
      const float* factors = scratch.panel + p * width;
      DoubleVec products[2] = {};
      for (int64_t f = 0; f < width; f += 2 * lanes)
        for (int64_t half = 0; half < 2; ++half) {
          const int64_t at = f + half * lanes;
          products[half] += __builtin_convertvector(*reinterpret_cast<const HalfVec*>(factors + at), DoubleVec) *
                            *reinterpret_cast<const LooseDoubleVec*>(x + at);
        }
      products[0] += products[1];
      double predicted = bias;
      for (int64_t lane = 0; lane < lanes; ++lane) predicted += products[0][lane];
      const double error = targets * scratch.side[2 * p] - scratch.side[2 * p + 1] * predicted;
      squared_error += error * error;
      error_sum += error;
      for (int64_t f = 0; f < width; f += lanes)
        *reinterpret_cast<LooseDoubleVec*>(out + f) +=
            error * __builtin_convertvector(*reinterpret_cast<const HalfVec*>(factors + f), DoubleVec);
    }
  });
  out[width] = problem.biases ? out[width] + error_sum : 0;
  return squared_error;
}

// Single precision alone misses by up to 2e-7 times the condition number: by 1e-4 at the least of these bounds. With
// more ratings than factors it misses less, and well-posed ratings usually stay below the other bound. A prior over all
// columns makes every row ill-conditioned by that measure, which does no harm, unless there are fewer columns than
// factors: then the prior is singular.
static inline bool needs_refinement(const RowProblem& problem, int64_t n_ratings, float condition) {
  if (problem.spread > 0) return false;  // a draw is not an answer to come nearer to
  if (problem.refine_always) return true;
  if (problem.prior) return condition > (problem.n_factors < problem.n_fixed ? 1e6f : 1e3f);
  return condition > (n_ratings < problem.n_factors ? 300.0f : 200.0f + float(problem.n_factors));
}

// to = A⁻¹ · from, as precisely as the factor has it.
static inline void apply_factor(const Border& border, const double* from, double* to, Scratch& scratch) {
  const int64_t width = scratch.width;
  // The second column of the forward solve has nothing to do here.
  float* idle = scratch.border;
  for (int64_t f = 0; f < width; ++f) {
    scratch.z[f] = float(from[f]);
    idle[f] = 0.0f;
  }
  solve_forward(scratch.A, width, scratch.inverses, scratch.z, idle);
  to[width] = solve_bordered(border, from[width], nullptr, scratch);
  for (int64_t f = 0; f < width; ++f) to[f] = scratch.z[f];
}

constexpr int kRefinements = 100;

// Conjugate gradients on the ratings themselves, with the factor as the preconditioner. If the factor is any good, one
// correction suffices; if rounding has spoilt it, a few dozen steps make up for that.
static inline void refine(const RowProblem& problem, int64_t row, float ridge, const Border& border,
                          Scratch& scratch) {
  const int64_t size = scratch.width + 1;
  double *x = scratch.precise_x, *residual = scratch.residual, *direction = scratch.direction,
         *product = scratch.product;
  find_residual(problem, row, ridge, 1, x, residual, scratch);
  apply_factor(border, residual, direction, scratch);
  // A correction leaves about its own relative size of the error: after 1e-3 of x, 1e-6 is left.
  if (dot(direction, direction, size) <= 1e-6 * dot(x, x, size)) {
    for (int64_t f = 0; f < size; ++f) x[f] += direction[f];
    return;
  }
  double decrease = dot(residual, direction, size);
  for (int step = 0; step < kRefinements; ++step) {
    find_residual(problem, row, ridge, 0, direction, product, scratch);
    const double curvature = -dot(direction, product, size);
    if (!(curvature > 0)) return;
    const double length = decrease / curvature;
    for (int64_t f = 0; f < size; ++f) {
      x[f] += length * direction[f];
      residual[f] += length * product[f];
    }
    apply_factor(border, residual, product, scratch);
    if (dot(product, product, size) <= 1e-12 * dot(x, x, size)) return;
    const double next_decrease = dot(residual, product, size);
    const double momentum = next_decrease / decrease;
    decrease = next_decrease;
    for (int64_t f = 0; f < size; ++f) direction[f] = product[f] + momentum * direction[f];
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
