// The matrix of a row for the solvers in steps, where it is quicker than to read the factors of the ratings in every step.
#pragma once

#include "rows/normal_equations.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// Factors beyond a share of the second-level cache, which is 512 KiB or more, come from memory again in each pass.
constexpr int64_t kReadAgainBytes = 1 << 19;

// Factors that a row may have for each pass over its ratings that the matrix saves. The matrix takes k²/2 multiply-adds a
// rating: fewer lanes take longer for these than for the wait for memory. Measured with three steps of conjugate gradients.
constexpr int64_t kFactorsOfPass = kLanes == 16 ? 24 : kLanes == 8 ? 22 : 12;

static inline bool wants_matrix(const RowProblem& problem, int64_t n_ratings, int64_t width, int64_t n_passes) {
  return width <= kFactorsOfPass * n_passes &&
         n_ratings * problem.n_factors * int64_t(sizeof(float)) > kReadAgainBytes && wants_prefetch(problem);
}

// The whole of A but for the ridge into scratch.A, both triangles, and b into the border; returns Σ c t².
static inline double accumulate_matrix(const RowProblem& problem, int64_t begin, int64_t end, Scratch& scratch) {
  const int64_t width = scratch.width;
  Prefetcher prefetcher{problem, begin, end};
  if (problem.prior) start_from_prior(problem, 0, scratch);
  const BorderSums sums = accumulate_ratings(problem, begin, end, !problem.prior, prefetcher, scratch);
  for (int64_t r = 0; r < width; ++r)
    for (int64_t c = 0; c < r / kBlock * kBlock; ++c) scratch.A[r * width + c] = scratch.A[c * width + r];
  return sums.targets_squared;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
