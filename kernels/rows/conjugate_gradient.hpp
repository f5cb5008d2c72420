// A fixed number of steps of conjugate gradients from the last solution (Takács, Pilászy & Tikk 2011). A step takes
// 4 n k flops, one pass over the factors of the row's ratings, and no matrix of the row's own.
#pragma once

#include "rows/descent.hpp"
#include "rows/vector_products.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// What the ratings say of the x that the steps begin with.
struct StartingPoint {
  double targets_squared;  // Σ c t²
  double objective;        // of x, above Σ c t²
};

// residual = b − A x; the objective of x is xᵀA x − 2 bᵀx = −xᵀ(b + residual).
static inline StartingPoint start_from(const RowProblem& problem, const RowFactors& factors, float ridge,
                                       const float* x, float* residual, Scratch& scratch) {
  const int64_t width = scratch.width;
  multiply_prior(problem, ridge, x, width, residual);
  for (int64_t f = 0; f < width; f += kLanes) store(residual + f, -load(residual + f));
  double targets_squared = 0, right_side = 0;
  add_weighted_ratings(factors, x, width, residual, [&](const RatingWeights& ratings, Vec predicted) {
    targets_squared += sum_lanes(ratings.targets_squared);
    right_side += sum_lanes(ratings.weighted_targets * predicted);
    return ratings.weighted_targets - ratings.weights * predicted;
  });
  return {targets_squared, -right_side - dot(x, residual, width)};
}

// out = A x.
static inline void multiply_row(const RowProblem& problem, const RowFactors& factors, float ridge, const float* x,
                                float* out, Scratch& scratch) {
  multiply_prior(problem, ridge, x, scratch.width, out);
  add_weighted_ratings(factors, x, scratch.width, out,
            [](const RatingWeights& ratings, Vec predicted) { return ratings.weights * predicted; });
}

// Improves scratch.x in place.
static inline Descent conjugate_gradient(const RowProblem& problem, int64_t begin, int64_t end, float ridge,
                                        Scratch& scratch) {
  const int64_t width = scratch.width;
  const RowFactors factors{problem, begin, end, scratch};
  float *x = scratch.x, *residual = scratch.z, *direction = scratch.w, *product = scratch.border;
  const StartingPoint start = start_from(problem, factors, ridge, x, residual, scratch);
  Descent descent{start.targets_squared, start.targets_squared + start.objective, 0, __builtin_inf()};
  for (int64_t f = 0; f < width; ++f) direction[f] = residual[f];
  double size = dot(residual, residual, width);
  for (int64_t step = 0; step < problem.n_steps && size > 0 && !is_stopped(problem); ++step) {
    multiply_row(problem, factors, ridge, direction, product, scratch);
    const double curvature = dot(direction, product, width);
    if (!(curvature > 0)) {
      descent.notice(__builtin_inf(), 0);  // it has overflowed, or has been lost in rounding
      break;
    }
    const double square = dot(direction, direction, width);
    descent.notice(__builtin_sqrt(dot(product, product, width) / square), curvature / square);
    const float length = float(size / curvature);
    // The residual times the direction is size, so the minimum along the direction lies this much lower.
    descent.objective -= size / curvature * size;
    for (int64_t f = 0; f < width; ++f) {
      x[f] += length * direction[f];
      residual[f] -= length * product[f];
    }
    const double next_size = dot(residual, residual, width);
    const float momentum = float(next_size / size);
    size = next_size;
    for (int64_t f = 0; f < width; ++f) direction[f] = residual[f] + momentum * direction[f];
  }
  return descent;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
