// Predicted values of pairs, as plain data. A value is the mean over the samples of offset + biases + factors ·
// factors, each clipped to the limits. A row or column of −1 is unknown and adds nothing.
#pragma once

#include <cstdint>

namespace matinee {

struct PredictionProblem {
  const int32_t* rows;
  const int32_t* columns;
  // A row's samples side by side: n_samples × n_factors, and n_samples biases.
  const float* row_factors;
  const float* column_factors;
  const float* row_biases;     // or null
  const float* column_biases;  // or null
  int64_t n_samples;
  int64_t n_factors;
  float offset;
  float low, high;
  float* predicted;
};

}  // namespace matinee
