// Refines answers beyond single precision: the residual comes from the ratings themselves, and the factor corrects it.
#pragma once

#include "rows/normal_equations.hpp"
#include "rows/row_objective.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// How hard a row is for single precision.
struct Difficulty {
  double condition;        // an estimate, from above, of the condition number
  double trace;            // of A, without the bias
  double targets_squared;  // Σ c t², the objective of x = 0
};

// Rounding x alone to single precision adds about this share of trace · ‖x‖² to the objective.
constexpr double kRounding = 1e-15;

// How much higher than the minimum the objective may lie because of the arithmetic.
constexpr double kTolerance = 1e-6;

// Of Σ c t²: where less is left of it as the objective, rounding the targets alone costs more than the tolerance.
constexpr double kLeastObjective = 4 * kRounding / kTolerance;

// Single precision alone misses by up to 2e-7 times the condition number: by 1e-4 at the least of these bounds. With
// more ratings than factors it misses less, and well-posed ratings usually stay below the other bound. A prior over all
// columns makes every row ill-conditioned by that measure, which does no harm, unless there are fewer columns than
// factors: then the prior is singular. A prior with a shift says nothing of the kind.
static inline bool is_ill_conditioned(const RowProblem& problem, int64_t n_ratings, double condition) {
  if (!problem.prior) return condition > (n_ratings < problem.n_factors ? 300.0f : 200.0f + float(problem.n_factors));
  return condition > (problem.n_factors < problem.n_fixed && !problem.shift ? 1e6f : 1e3f);
}

// The errors of x raise the objective by up to (rounding · trace · ‖x‖)² over the least eigenvalue of A. That matters
// where x explains nearly all. Below 1e-5 of Σ c t² the objective itself is rounding, and infinite it has overflowed.
static inline bool errors_matter(const Difficulty& row, double length_squared, double objective) {
  return !(objective >= 1e-5 * row.targets_squared && objective < __builtin_inf() &&
           4 * kRounding * row.condition * row.trace * length_squared <= kTolerance * objective);
}

// Whether single precision is enough for x, in scratch.precise_x, of this objective. One with a shift has no natural zero.
static inline bool is_enough(const RowProblem& problem, const Difficulty& row, double objective, const Scratch& scratch) {
  const double* x = scratch.precise_x;
  return problem.shift || !errors_matter(row, dot(x, x, scratch.width), objective);
}

// to = A⁻¹ · from, as precisely as the factor has it.
static inline void apply_factor(const Border& border, const double* from, double* to, Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t f = 0; f < width; ++f) scratch.z[f] = float(from[f]);
  solve_forward<1>(scratch.A, width, scratch.inverses, {scratch.z});
  to[width] = solve_bordered(border, from[width], nullptr, scratch);
  for (int64_t f = 0; f < width; ++f) to[f] = scratch.z[f];
}

// What the factor w of the border leaves for the bias: Σ1 + ridge − wᵀw, or where that cancels, the same as the
// quadratic form of (−A⁻¹ Σy, 1), from the ratings in double precision.
static inline double border_pivot(const RowProblem& problem, int64_t row, double ones, float ridge, Scratch& scratch) {
  const int64_t width = scratch.width;
  const double pivot = ones + ridge - dot(scratch.w, scratch.w, width);
  if (pivot > 1e-3 * ones) return pivot;
  for (int64_t f = 0; f < width; ++f) scratch.x[f] = scratch.w[f];
  solve_backward(scratch.A, width, scratch.inverses, scratch.x);
  double *x = scratch.precise_x, *product = scratch.product;
  for (int64_t f = 0; f < width; ++f) x[f] = -double(scratch.x[f]);
  x[width] = 1;
  find_residual(problem, row, ridge, 0, x, product, scratch);
  const double precise = -dot(x, product, width + 1);
  return precise > 0 ? precise : 1e-6 * ones;
}

// Above this condition number rounding may have spoilt the factor, so that its corrections are to be checked first.
constexpr double kTrustedCondition = 1e5;
// Above this one it surely has.
constexpr double kLargestCondition = 1e7;
constexpr int kRefinements = 30;

struct Refined {
  bool good;  // false if single precision does not suffice for this row
  double objective;
};

// Whether single precision can hold the answer, and the ratings' weights and targets, closely enough.
static inline Refined judge(const RowProblem& problem, const Difficulty& row, double objective, const Scratch& scratch) {
  if (problem.shift) return {true, objective};
  const double *x = scratch.precise_x, size = dot(x, x, scratch.width);
  const bool good = objective <= row.targets_squared && objective >= kLeastObjective * row.targets_squared &&
                    kRounding * row.trace * size <= 10 * kTolerance * objective;
  return {good, objective};
}

// The same square where a factor is of rounded numbers: one correction leaves 1e-5, while 1e-4 would do for a half-step.
constexpr double kOnlyRoundedCorrection = 1e-5;

// What a refinement multiplies with: A from the ratings themselves, in double precision.
struct PreciseProducts {
  const RowProblem& problem;
  int64_t row;
  float ridge;
  Scratch& scratch;
  // Squares of corrections' shares of x. One leaves about its own share of the error: after the only one, of 1e-3, 1e-6 is
  // left; and the last of several is not needed any more.
  static constexpr double kOnlyCorrection = 1e-6, kLastCorrection = 1e-12;

  // residual = b − A x; returns the objective of x.
  double find_slope(const double* x, double* residual) const {
    const double loss = find_residual(problem, row, ridge, 1, x, residual, scratch);
    return loss + penalty_of_prior(problem, row, ridge, x, scratch.product, scratch.width);
  }

  // product = −A · direction.
  void multiply(const double* direction, double* product) const {
    find_residual(problem, row, ridge, 0, direction, product, scratch);
  }
};

// Conjugate gradients on the ratings themselves, with the factor as the preconditioner. If the factor is any good, the
// first correction suffices and each step has about the length 1.
template <class Products>
static inline Refined refine(const RowProblem& problem, const Products& products, const Border& border,
                             const Difficulty& difficulty, Scratch& scratch) {
  const int64_t size = scratch.width + 1;
  double *x = scratch.precise_x, *residual = scratch.residual, *direction = scratch.direction,
         *product = scratch.product;
  double objective = products.find_slope(x, residual);
  apply_factor(border, residual, direction, scratch);
  double decrease = dot(residual, direction, size);
  // With a shift the objective has no natural zero to compare with.
  const auto is_small = [&](double part, double share) { return problem.shift || part <= share * objective; };
  if (dot(direction, direction, size) <= Products::kOnlyCorrection * dot(x, x, size) && difficulty.condition <= kTrustedCondition &&
      is_small(decrease, 100 * kTolerance)) {
    for (int64_t f = 0; f < size; ++f) x[f] += direction[f];
    return judge(problem, difficulty, objective - decrease, scratch);
  }
  for (int step = 0; step < kRefinements && !is_stopped(problem); ++step) {
    products.multiply(direction, product);
    const double curvature = -dot(direction, product, size);
    const double length = decrease / curvature;
    if (!(length > 0.5 && length < 2)) break;
    objective -= length * decrease;
    for (int64_t f = 0; f < size; ++f) {
      x[f] += length * direction[f];
      residual[f] += length * product[f];
    }
    apply_factor(border, residual, product, scratch);
    const double next_decrease = dot(residual, product, size);
    if (dot(product, product, size) <= Products::kLastCorrection * dot(x, x, size) && is_small(next_decrease, kTolerance))
      return judge(problem, difficulty, objective, scratch);
    const double momentum = next_decrease / decrease;
    decrease = next_decrease;
    for (int64_t f = 0; f < size; ++f) direction[f] = product[f] + momentum * direction[f];
  }
  return {false, objective};
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
