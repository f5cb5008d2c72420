// Compressed sparse rows times a dense matrix.
#pragma once

#include "simd.hpp"
#include "sparse_problem.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// product[row] = Σ values · dense[column] for each row.
static inline void multiply_sparse(const SparseProblem& problem, int64_t first, int64_t last) {
  const int64_t n = problem.n_dense;
  constexpr int64_t together = 4;  // rows of the dense matrix added at a time
  for (int64_t row = first; row < last; ++row) {
    float* out = problem.product + row * n;
    for (int64_t f = 0; f < n; ++f) out[f] = 0.0f;
    const int64_t end = problem.indptr[row + 1];
    int64_t j = problem.indptr[row];
    for (; j + together <= end; j += together) {
      const float* rows[together];
      float values[together];
      for (int64_t i = 0; i < together; ++i) {
        rows[i] = problem.dense + int64_t(problem.columns[j + i]) * n;
        values[i] = problem.values[j + i];
      }
      int64_t f = 0;
      for (; f + kLanes <= n; f += kLanes) {
        Vec sum = load(out + f);
        for (int64_t i = 0; i < together; ++i) sum += values[i] * load(rows[i] + f);
        store(out + f, sum);
      }
      for (; f < n; ++f)
        for (int64_t i = 0; i < together; ++i) out[f] += values[i] * rows[i][f];
    }
    for (; j < end; ++j) {
      const float* dense = problem.dense + int64_t(problem.columns[j]) * n;
      for (int64_t f = 0; f < n; ++f) out[f] += problem.values[j] * dense[f];
    }
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
