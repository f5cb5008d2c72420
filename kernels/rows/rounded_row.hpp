// Solves a row by the factor of an A whose factors are rounded to bf16, and corrects the answer by the ratings themselves.
#pragma once

#include "rows/factorized_row.hpp"
#include "rows/report.hpp"
#include "rows/vector_products.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// With fewer factors, or fewer ratings, a rounded A saves less than its corrections cost.
constexpr int64_t kLeastRoundedWidth = 48, kLeastRoundedFloats = 5120;

// Answers that are kept, and draws, take A in single precision. So do biases with a prior of their own, which are rare.
static inline bool wants_rounding(const RowProblem& problem, int64_t row, int64_t width) {
  const int64_t n_ratings = problem.indptr[row + 1] - problem.indptr[row];
  return kRounds && width >= kLeastRoundedWidth && n_ratings * width >= kLeastRoundedFloats && !problem.refine_always &&
         !problem.prior_border && !problem.parts;
}

#ifdef MATINEE_ROUNDED

// A's upper triangle with rounded factors, and both borders. Factors that need neither padding nor a sum are read in place,
// and scaled on the way where ratings have weights.
template <bool in_place, bool scaled>
static inline BorderSums accumulate_rounded(const RowProblem& problem, int64_t row, Prefetcher& prefetcher,
                                            Scratch& scratch) {
  BorderSums sums;
  if (problem.prior)
    sums = start_from_prior(problem, row, scratch);
  else
    for (int64_t f = 0; f < 2 * scratch.width; ++f) scratch.border[f] = 0.0f;
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1];
  const int64_t step = scratch.panel_size / kTileRatings * kTileRatings;
  RoundedPanel rounded{scratch.width, scratch.pairs, scratch.transposed};
  bool is_fresh = !problem.prior;
  sums += for_each_gathered(problem, begin, end, step, in_place, scratch, [&](auto panel, int64_t first, int64_t n) {
    for (int64_t taken = 0; taken < n; taken += kTileRatings) {
      prefetcher.advance(kTileRatings, first + n + step);
      if (problem.biases)
        rounded.add<2, scaled>(panel, scratch.side, taken, n, scratch.border);
      else
        rounded.add<1, scaled>(panel, scratch.side, taken, n, scratch.border);
      if (!rounded.is_full() && first + taken + kTileRatings < end) continue;
      add_products(rounded, is_fresh, scratch.A);
      rounded.n_tiles = 0;
      is_fresh = false;
    }
  });
  return sums;
}

static inline BorderSums accumulate_rounded(const RowProblem& problem, int64_t row, Prefetcher& prefetcher,
                                            Scratch& scratch) {
  if (problem.n_factors != scratch.width || problem.second)
    return accumulate_rounded<false, false>(problem, row, prefetcher, scratch);
  if (are_weighted(problem)) return accumulate_rounded<true, true>(problem, row, prefetcher, scratch);
  return accumulate_rounded<true, false>(problem, row, prefetcher, scratch);
}

// Products with A from the ratings themselves, in single precision. The sums that the right side b consists of are in the
// border until the first of them is found.
struct SingleProducts {
  const RowProblem& problem;
  int64_t row;
  BorderSums sums;
  Scratch& scratch;
  static constexpr double kOnlyCorrection = kOnlyRoundedCorrection, kLastCorrection = 1e-10;

  double find_slope(const double* x, double* residual) const {
    const int64_t width = scratch.width;
    multiply(x, residual);
    for (int64_t f = 0; f < width; ++f) residual[f] += scratch.border[f];
    if (problem.biases) residual[width] += sums.targets;
    // xᵀA x − 2 bᵀx = −xᵀ(b + residual)
    double above = dot(x, residual, width + 1) + x[width] * sums.targets;
    above += dot(scratch.border, scratch.x, width);
    return sums.targets_squared - above;
  }

  void multiply(const double* direction, double* product) const {
    const int64_t width = scratch.width, begin = problem.indptr[row], end = problem.indptr[row + 1];
    const float ridge = problem.ridge[row];
    float *x = scratch.x, *out = scratch.border + width;
    for (int64_t f = 0; f < width; ++f) x[f] = float(direction[f]);
    const float bias = float(direction[width]);
    multiply_prior(problem, ridge, x, width, out);
    double of_bias = double(ridge) * bias;
    const RowFactors factors{problem, begin, end, scratch};
    add_weighted_ratings(factors, x, width, out, [&](const RatingWeights& ratings, Vec predicted) {
      const Vec weighted = ratings.weights * (predicted + bias);
      of_bias += sum_lanes(weighted);
      return weighted;
    });
    for (int64_t f = 0; f < width; ++f) product[f] = -double(out[f]);
    product[width] = problem.biases ? -of_bias : 0;
  }
};

// False where a rounded factor does not suffice.
static inline bool solve_by_rounded_factors(const RowProblem& problem, int64_t row, Prefetcher& prefetcher,
                                            Scratch& scratch) {
  const BorderSums sums = accumulate_rounded(problem, row, prefetcher, scratch);
  const float size = trace(problem, scratch), ridge = problem.ridge[row];
  if (!factorize(problem, ridge, scratch)) return false;
  const Factorized found = solve_factorized(problem, row, ridge, size, sums, scratch);
  if (!(found.difficulty.condition <= kTrustedCondition)) return false;
  const double* x = scratch.precise_x;
  const int64_t n_ratings = problem.indptr[row + 1] - problem.indptr[row];
  const bool is_good = !is_ill_conditioned(problem, n_ratings, found.difficulty.condition) &&
                       is_enough(problem, found.difficulty, found.objective, scratch);
  if (is_good) {
    const SingleProducts products{problem, row, sums, scratch};
    const Refined refined = refine(problem, products, found.border, found.difficulty, scratch);
    if (!refined.good) return false;
    // A rounded factor overestimates a small objective, so the errors are judged again where it is known.
    if (is_enough(problem, found.difficulty, refined.objective, scratch)) {
      report_difference(problem, row, x, refined.objective, sums.targets_squared, scratch);
      return true;
    }
  }
  const PreciseProducts products{problem, row, ridge, scratch};
  const Refined refined = refine(problem, products, found.border, found.difficulty, scratch);
  if (!refined.good) return false;
  report(problem, row, x, refined.objective, scratch);
  return true;
}

#else

static inline bool solve_by_rounded_factors(const RowProblem&, int64_t, Prefetcher&, Scratch&) { return false; }

#endif

}  // namespace MATINEE_LEVEL
}  // namespace matinee
