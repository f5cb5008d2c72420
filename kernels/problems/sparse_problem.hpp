// A sparse matrix times a dense one, as plain data.
#pragma once

#include <cstdint>

namespace matinee {

struct SparseProblem {
  const int64_t* indptr;  // compressed sparse rows
  const int32_t* columns;
  const float* values;
  const float* dense;  // a row for each column: n_dense numbers
  int64_t n_dense;
  float* product;  // a row for each row
};

}  // namespace matinee
