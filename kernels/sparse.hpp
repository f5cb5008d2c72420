// Compressed sparse rows times a dense matrix.
#pragma once

#include "simd.hpp"
#include "sparse_problem.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// Σ values · dense[column] of a sparse row, for `vectors` registers of columns from f on; ratings in two turns, so
// that a sum need not wait for the one before it.
template <int64_t vectors>
static inline void add_dense_rows(const SparseProblem& problem, int64_t begin, int64_t end, int64_t f, float* out) {
  const int64_t n = problem.n_dense;
  const float* dense = problem.dense + f;
  Vec sums[2][vectors] = {};
  int64_t j = begin;
  for (; j + 2 <= end; j += 2)
    for (int64_t turn = 0; turn < 2; ++turn) {
      const float* from = dense + int64_t(problem.columns[j + turn]) * n;
      for (int64_t v = 0; v < vectors; ++v) sums[turn][v] += problem.values[j + turn] * load(from + v * kLanes);
    }
  if (j < end) {
    const float* from = dense + int64_t(problem.columns[j]) * n;
    for (int64_t v = 0; v < vectors; ++v) sums[0][v] += problem.values[j] * load(from + v * kLanes);
  }
  for (int64_t v = 0; v < vectors; ++v) store(out + f + v * kLanes, sums[0][v] + sums[1][v]);
}

// product[row] = Σ values · dense[column] for each row.
static inline void multiply_sparse(const SparseProblem& problem, int64_t first, int64_t last) {
  const SparseProblem local = problem;  // its members cannot then alias what is stored
  const int64_t n = local.n_dense;
  for (int64_t row = first; row < last; ++row) {
    const int64_t begin = local.indptr[row], end = local.indptr[row + 1];
    float* out = local.product + row * n;
    int64_t f = 0;
    for (; f + 4 * kLanes <= n; f += 4 * kLanes) add_dense_rows<4>(local, begin, end, f, out);
    for (; f + 2 * kLanes <= n; f += 2 * kLanes) add_dense_rows<2>(local, begin, end, f, out);
    for (; f + kLanes <= n; f += kLanes) add_dense_rows<1>(local, begin, end, f, out);
    for (; f < n; ++f) {
      float sum = 0;
      for (int64_t j = begin; j < end; ++j) sum += local.values[j] * local.dense[int64_t(local.columns[j]) * n + f];
      out[f] = sum;
    }
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
