// The answer of a row from the factor of its A.
#pragma once

#include "rows/normal_draws.hpp"
#include "rows/refine.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

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

struct Factorized {
  Border border;
  double objective;
  Difficulty difficulty;
};

// Turns the factorised system into x, in scratch.precise_x, and says what the objective is there.
static inline Factorized solve_factorized(const RowProblem& problem, int64_t row, float ridge, float size,
                                          const BorderSums& sums, Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t f = 0; f < width; ++f) {
    scratch.z[f] = scratch.border[f];
    scratch.w[f] = problem.biases ? scratch.border[width + f] : 0.0f;
  }
  if (problem.biases)
    solve_forward<2>(scratch.A, width, scratch.inverses, {scratch.z, scratch.w});
  else
    solve_forward<1>(scratch.A, width, scratch.inverses, {scratch.z});
  double objective = sums.targets_squared - dot(scratch.z, scratch.z, width);
  double worst = condition(problem.n_factors, size, scratch);
  Border border{problem.biases != nullptr, 0};
  if (border.present) {
    border.pivot = border_pivot(problem, row, sums.ones, ridge, scratch);
    const double left = sums.targets - dot(scratch.w, scratch.z, width);
    objective -= left * left / border.pivot;
    // Factors that are nearly constant are hard to tell from a bias.
    const double of_border = (sums.ones + ridge) / border.pivot;
    worst = worst > of_border ? worst : of_border;
  }
  const float* noise = draw_noise(problem, row, scratch);
  // What moving x from the minimum adds: (x − mean)ᵀ A (x − mean).
  if (noise) objective += dot(noise, noise, width) + (border.present ? double(noise[width]) * noise[width] : 0);
  double* x = scratch.precise_x;
  x[width] = solve_bordered(border, sums.targets, noise, scratch);
  for (int64_t f = 0; f < width; ++f) x[f] = scratch.z[f];
  return {border, objective, {worst, size, sums.targets_squared}};
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
