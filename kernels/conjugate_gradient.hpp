// A fixed number of steps of conjugate gradients from the solution that is there (Takács, Pilászy & Tikk 2011):
// 4 n k flops a step and no matrix of the row's own.
#pragma once

#include "gather.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

constexpr int64_t kRatingsTogether = 4;

// predicted[p] = panel_p · x, four ratings at a time.
static inline void predict_panel(const float* panel, int64_t stride, int64_t width, const float* x, int64_t n,
                                 float* predicted) {
  int64_t p = 0;
  for (; p + kRatingsTogether <= n; p += kRatingsTogether) {
    Vec sums[kRatingsTogether] = {};
    for (int64_t f = 0; f < width; f += kLanes) {
      const Vec factors = load(x + f);
      for (int64_t r = 0; r < kRatingsTogether; ++r) sums[r] += load(panel + (p + r) * stride + f) * factors;
    }
    for (int64_t r = 0; r < kRatingsTogether; ++r) predicted[p + r] = sum_lanes(sums[r]);
  }
  for (; p < n; ++p) {
    Vec sums = {};
    for (int64_t f = 0; f < width; f += kLanes) sums += load(panel + p * stride + f) * load(x + f);
    predicted[p] = sum_lanes(sums);
  }
}

// out += Σ_p weights[p · step] · panel_p.
static inline void add_weighted_panel(const float* panel, int64_t stride, int64_t width, const float* weights,
                                      int64_t step, int64_t n, float* out) {
  int64_t p = 0;
  for (; p + kRatingsTogether <= n; p += kRatingsTogether)
    for (int64_t f = 0; f < width; f += kLanes) {
      Vec sums = load(out + f);
      for (int64_t r = 0; r < kRatingsTogether; ++r)
        sums += weights[(p + r) * step] * load(panel + (p + r) * stride + f);
      store(out + f, sums);
    }
  for (; p < n; ++p)
    for (int64_t f = 0; f < width; f += kLanes)
      store(out + f, load(out + f) + weights[p * step] * load(panel + p * stride + f));
}

// out = (prior + ridge·I) x.
static inline void multiply_prior(const RowProblem& problem, float ridge, const float* x, int64_t width, float* out) {
  for (int64_t f = 0; f < width; f += kLanes) store(out + f, ridge * load(x + f));
  if (!problem.prior) return;
  for (int64_t f = 0; f < problem.n_factors; f += kRatingsTogether) {
    for (int64_t g = 0; g < width; g += kLanes) {
      Vec sums = load(out + g);
      // Rows beyond n_factors are zeros, and so are their factors.
      for (int64_t r = 0; r < kRatingsTogether; ++r)
        sums += x[f + r] * load(problem.prior + (f + r) * width + g);
      store(out + g, sums);
    }
  }
}

static inline void multiply_row(const RowProblem& problem, int64_t begin, int64_t end, float ridge, const float* x,
                                float* out, Scratch& scratch) {
  const int64_t width = scratch.width;
  multiply_prior(problem, ridge, x, width, out);
  for_each_panel(problem, begin, end, Weights::scaled, scratch, [&](int64_t, int64_t n) {
    predict_panel(scratch.panel, width, width, x, n, scratch.moved);
    add_weighted_panel(scratch.panel, width, width, scratch.moved, 1, n, out);
  });
}

// b into out, with the row's first panel in place afterwards; returns the sums of the targets.
static inline BorderSums gather_right_side(const RowProblem& problem, int64_t begin, int64_t end, float* out,
                                           Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t f = 0; f < width; ++f) out[f] = 0.0f;
  BorderSums sums;
  for (int64_t first = begin; first < end; first += scratch.panel_size) {
    const int64_t last = first + scratch.panel_size < end ? first + scratch.panel_size : end;
    sums.targets_squared += gather(problem, first, last, Weights::scaled, scratch).targets_squared;
    add_weighted_panel(scratch.panel, width, width, scratch.side, 2, last - first, out);
  }
  return sums;
}

// The objective of x above Σ c t²: xᵀA x − 2 bᵀx = −xᵀ(b + residual).
static inline double objective_above(const float* x, const float* b, const float* residual, int64_t n) {
  return -dot(x, b, n) - dot(x, residual, n);
}

// Improves scratch.x in place; returns its objective.
static inline double conjugate_gradient(const RowProblem& problem, int64_t begin, int64_t end, float ridge,
                                        Scratch& scratch) {
  const int64_t width = scratch.width;
  float *x = scratch.x, *b = scratch.border, *residual = scratch.z, *direction = scratch.w,
        *product = scratch.border + width;
  const BorderSums sums = gather_right_side(problem, begin, end, b, scratch);
  multiply_row(problem, begin, end, ridge, x, product, scratch);
  for (int64_t f = 0; f < width; ++f) direction[f] = residual[f] = b[f] - product[f];
  double size = dot(residual, residual, width);
  for (int64_t step = 0; step < problem.n_steps && size > 0; ++step) {
    multiply_row(problem, begin, end, ridge, direction, product, scratch);
    const double curvature = dot(direction, product, width);
    if (!(curvature > 0)) break;
    const float length = float(size / curvature);
    for (int64_t f = 0; f < width; ++f) {
      x[f] += length * direction[f];
      residual[f] -= length * product[f];
    }
    const double next_size = dot(residual, residual, width);
    const float momentum = float(next_size / size);
    size = next_size;
    for (int64_t f = 0; f < width; ++f) direction[f] = residual[f] + momentum * direction[f];
  }
  return sums.targets_squared + objective_above(x, b, residual, width);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
