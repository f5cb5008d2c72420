// Predicted values of pairs, as plain data: offset + biases + factors · factors. A row or column of −1 is
// unknown and adds nothing.
#pragma once

#include <cstdint>

namespace matinee {

struct PredictionProblem {
  const int32_t* rows;
  const int32_t* columns;
  const float* row_factors;
  const float* column_factors;
  const float* row_biases;     // or null
  const float* column_biases;  // or null
  float offset;
  int64_t n_factors;
  float* predicted;
};

}  // namespace matinee
