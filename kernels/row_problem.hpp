// The one small problem that every model solves, as plain data: see the table in the design.
//
//     A = ridge·I + Σ y_i y_iᵀ      b = Σ t_i y_i      x = A⁻¹ b      t_i = value_i − offset − column_bias_i
//
// With a bias of its own, a row's y_i is (y_i, 1) and its x is (x, bias): the border of A.
#pragma once

#include <cstdint>

namespace matinee {

struct RowProblem {
  // The observed ratings of each row, compressed sparse rows.
  const int64_t* indptr;
  const int32_t* columns;
  const float* values;
  // The fixed side: n_fixed × n_factors, rows without padding.
  const float* fixed;
  int64_t n_fixed;
  int64_t n_factors;
  const float* column_biases;  // n_fixed, or null
  float offset;
  const float* ridge;  // a row's λ, n_rows
  bool refine_always;  // to the last digit, however well-posed: for the answers that are kept
  // The answers.
  float* solution;         // n_rows × n_factors
  float* biases;           // n_rows, or null where rows have none
  double* squared_errors;  // n_rows: Σ (t_i − y_iᵀx − bias)², or null
  double* penalties;       // n_rows: ridge · (‖x‖² + bias²), or null
};

}  // namespace matinee
