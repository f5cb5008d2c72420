// One predicted value a pair of row and column.
#pragma once

#include "prediction_problem.hpp"
#include "simd.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

static inline float dot_factors(const float* a, const float* b, int64_t n) {
  Vec sums = {};
  int64_t f = 0;
  for (; f + kLanes <= n; f += kLanes) sums += load(a + f) * load(b + f);
  float rest = 0;
  for (; f < n; ++f) rest += a[f] * b[f];
  return sum_lanes(sums) + rest;
}

static inline void predict(const PredictionProblem& problem, int64_t first, int64_t last) {
  const int64_t k = problem.n_factors;
  for (int64_t i = first; i < last; ++i) {
    const int64_t row = problem.rows[i], column = problem.columns[i];
    float value = problem.offset;
    if (row >= 0 && problem.row_biases) value += problem.row_biases[row];
    if (column >= 0 && problem.column_biases) value += problem.column_biases[column];
    if (row >= 0 && column >= 0)
      value += dot_factors(problem.row_factors + row * k, problem.column_factors + column * k, k);
    problem.predicted[i] = value;
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
