// The best n columns for each query, as plain data.
//
//     score(q, i) = (query_q · column_i) · scale_i + offset_i + query_offset + query_bias_q
//
// A column with an offset of −∞ is never shown.
#pragma once

#include <cstdint>

#include "constants.hpp"

namespace matinee {

// What a pack of columns lost when it was rounded to bytes. With y' for scale · y and q for its whole numbers,
// ‖y' − step · q‖ ≤ miss and ‖y'‖ ≤ reach hold for each of its columns. Both are infinite if a number of the pack is
// not finite or too large.
struct PackBounds {
  float step, miss, reach;
};

struct RankingProblem {
  const float* packed;  // packs of columns, factor by factor: [pack][factor][kPackWidth]
  const float* scales;  // n_columns rounded up to a pack, or null for 1
  // The columns times their scales as whole numbers from −127 to 127, with 128 added; or null.
  const uint8_t* rounded;    // [pack][four factors][kPackWidth][4]
  const PackBounds* bounds;  // of each pack, or null
  float rounded_slack;       // what products of numbers too small for single precision may lack
  const float* offsets;       // n_columns, or null for 0
  const float* last_offsets;  // those of the last pack, −∞ beyond n_columns
  int64_t n_columns;
  int64_t n_factors;
  const float* queries;       // rows × n_factors
  const float* query_biases;  // rows, or null
  float query_offset;
  const int32_t* rows;             // the row of each query, or null where query q is row q
  const int64_t* excluded_indptr;  // rows + 1, or null
  const int32_t* excluded_columns;  // ascending in each row
  int64_t n;
};

// Some queries over some packs. Each query has a heap of its own, n numbers long, which holds what was found for it so
// far.
struct RankingPart {
  int64_t first_query, last_query;  // at most kQueryGroup
  int64_t first_pack, last_pack;
  // By query, from first_query on.
  float* scores;
  int32_t* best;
  int64_t* sizes;
  int8_t* rounded_queries;  // kFilledQueries × rounded_rank
};

}  // namespace matinee
