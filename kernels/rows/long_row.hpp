// A share of a long row's A and b, which several threads find side by side.
#pragma once

#include "rows/normal_equations.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

static inline void accumulate_part(const RowProblem& problem, int64_t row, int64_t part, const RowParts& parts,
                                   void* memory) {
  Scratch scratch(problem.n_factors, problem.longest_row, memory);
  const int64_t width = scratch.width, start = problem.indptr[row], n = problem.indptr[row + 1] - start;
  const int64_t begin = start + n * part / parts.n_parts, end = start + n * (part + 1) / parts.n_parts;
  Prefetcher prefetcher{problem, begin, end};
  for (int64_t i = 0; i < width * width; ++i) scratch.A[i] = 0;
  for (int64_t i = 0; i < 2 * width; ++i) scratch.border[i] = 0;
  BorderSums sums;
  // The prior belongs to the first part.
  if (part == 0 && problem.prior) sums = start_from_prior(problem, row, scratch);
  sums += accumulate_ratings(problem, begin, end, false, prefetcher, scratch);
  float* matrix = parts.matrices + part * part_floats(problem.n_factors);
  for (int64_t i = 0; i < width * width; ++i) matrix[i] = scratch.A[i];
  for (int64_t i = 0; i < 2 * width; ++i) matrix[width * width + i] = scratch.border[i];
  double* of_part = parts.sums + part * kPartSums;
  of_part[0] = sums.targets_squared;
  of_part[1] = sums.targets;
  of_part[2] = sums.ones;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
