// A fixed number of steps of conjugate gradients from the last solution (Takács, Pilászy & Tikk 2011). A step takes
// 4 n k flops, one pass over the factors of the row's ratings, and no matrix of the row's own. Only where the passes would
// wait for memory, one pass makes the matrix, and the steps take that.
#pragma once

#include "rows/descent.hpp"
#include "rows/row_matrix.hpp"
#include "rows/vector_products.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// What the ratings say of the x that the steps begin with.
struct StartingPoint {
  double targets_squared;  // Σ c t²
  double objective;        // of x, above Σ c t²
};

// A by the factors of the ratings, which are read in every step.
struct ProductsByRatings {
  const RowProblem& problem;
  const RowFactors factors;
  float ridge;
  Scratch& scratch;

  float* product() const { return scratch.border; }

  // residual = b − A x; the objective of x is xᵀA x − 2 bᵀx = −xᵀ(b + residual).
  StartingPoint start_from(const float* x, float* residual) const {
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
  void multiply(const float* x, float* out) const {
    multiply_prior(problem, ridge, x, scratch.width, out);
    add_weighted_ratings(factors, x, scratch.width, out,
              [](const RatingWeights& ratings, Vec predicted) { return ratings.weights * predicted; });
  }
};

// The same by A itself, in scratch.A, with b in the border.
struct ProductsByMatrix {
  const RowProblem& problem;
  double targets_squared;
  float ridge;
  Scratch& scratch;

  float* product() const { return scratch.border + scratch.width; }

  StartingPoint start_from(const float* x, float* residual) const {
    const int64_t width = scratch.width;
    const float* b = scratch.border;
    multiply(x, residual);
    for (int64_t f = 0; f < width; f += kLanes) store(residual + f, load(b + f) - load(residual + f));
    return {targets_squared, -dot(x, b, width) - dot(x, residual, width)};
  }

  void multiply(const float* x, float* out) const {
    multiply_symmetric(scratch.A, problem.n_factors, ridge, x, scratch.width, out);
  }
};

// Improves scratch.x in place.
template <class Products>
static inline Descent descend_by_conjugate_gradients(const RowProblem& problem, const Products& products,
                                                     Scratch& scratch) {
  const int64_t width = scratch.width;
  float *x = scratch.x, *residual = scratch.z, *direction = scratch.w, *product = products.product();
  const StartingPoint start = products.start_from(x, residual);
  Descent descent{start.targets_squared, start.targets_squared + start.objective, 0, __builtin_inf()};
  for (int64_t f = 0; f < width; ++f) direction[f] = residual[f];
  double size = dot(residual, residual, width);
  for (int64_t step = 0; step < problem.n_steps && size > 0 && !is_stopped(problem); ++step) {
    products.multiply(direction, product);
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

static inline Descent conjugate_gradient(const RowProblem& problem, int64_t begin, int64_t end, float ridge,
                                        Scratch& scratch) {
  if (!wants_matrix(problem, end - begin, scratch.width, problem.n_steps))
    return descend_by_conjugate_gradients(
        problem, ProductsByRatings{problem, {problem, begin, end, scratch}, ridge, scratch}, scratch);
  const double targets_squared = accumulate_matrix(problem, begin, end, scratch);
  return descend_by_conjugate_gradients(problem, ProductsByMatrix{problem, targets_squared, ridge, scratch}, scratch);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
