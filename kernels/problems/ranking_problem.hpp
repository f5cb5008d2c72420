// The best n columns for each query, as plain data.
//
//     score(q, i) = (query_q · column_i) · scale_i + offset_i + query_offset + query_bias_q
//
// A column with an offset of −∞ is never shown.
#pragma once

#include <cstdint>

#include "constants.hpp"

namespace matinee {

struct RankingProblem {
  const float* packed;   // packs of columns, factor by factor: [pack][factor][kPackWidth]
  const float* scales;   // n_columns rounded up to a pack, or null for 1
  const float* offsets;  // n_columns rounded up to a pack, −∞ beyond n_columns
  int64_t n_columns;
  int64_t n_factors;
  const float* queries;       // rows × n_factors
  const float* query_biases;  // rows, or null
  float query_offset;
  const int32_t* rows;             // the row of each query, or null where query q is row q
  const int64_t* excluded_indptr;  // rows + 1, or null
  const int32_t* excluded_columns;  // ascending in each row
  int64_t n;
  // The answers, best first, n a query; where there are fewer: column −1.
  int32_t* best;
  float* scores;
};

}  // namespace matinee
