// Predicts one value for each pair of a row and a column.
#pragma once

#include "levels/simd.hpp"
#include "problems/prediction_problem.hpp"

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
  const int64_t k = problem.n_factors, n_samples = problem.n_samples;
  for (int64_t i = first; i < last; ++i) {
    const int64_t row = problem.rows[i] * n_samples, column = problem.columns[i] * n_samples;
    float sum = 0;
    for (int64_t s = 0; s < n_samples; ++s) {
      float value = problem.offset;
      if (row >= 0 && problem.row_biases) value += problem.row_biases[row + s];
      if (column >= 0 && problem.column_biases) value += problem.column_biases[column + s];
      if (row >= 0 && column >= 0)
        value += dot_factors(problem.row_factors + (row + s) * k, problem.column_factors + (column + s) * k, k);
      value = value < problem.low ? problem.low : value;
      sum += value > problem.high ? problem.high : value;
    }
    problem.predicted[i] = sum / float(n_samples);
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
