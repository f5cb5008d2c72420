// Compressed sparse rows times compressed sparse rows, into a dense matrix: co-occurrences of items.
#pragma once

#include <cstdint>

namespace matinee {

struct SparseRows {
  const int64_t* indptr;
  const int32_t* columns;
  const float* values;
};

// product[row] = Σ left value · right[left column] for each row; `width` columns, whatever was there before is lost.
// Every sum goes to its place in one dense row, which stays in the cache: no vector unit could add scattered places
// faster.
inline void multiply_sparse_rows(const SparseRows& left, const SparseRows& right, int64_t width, int64_t first,
                                 int64_t last, float* product) {
  for (int64_t row = first; row < last; ++row) {
    float* out = product + row * width;
    for (int64_t column = 0; column < width; ++column) out[column] = 0.0f;
    for (int64_t j = left.indptr[row]; j < left.indptr[row + 1]; ++j) {
      const float factor = left.values[j];
      const int64_t other = left.columns[j], end = right.indptr[other + 1];
      for (int64_t k = right.indptr[other]; k < end; ++k) out[right.columns[k]] += factor * right.values[k];
    }
  }
}

}  // namespace matinee
