// Sorts ratings into compressed sparse rows: stable counting sorts, linear in the number of ratings.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace matinee {

inline void check_codes(const int32_t* codes, int64_t n, int64_t n_codes, const char* name) {
  for (int64_t i = 0; i < n; ++i)
    if (codes[i] < 0 || codes[i] >= n_codes)
      throw std::out_of_range(std::string(name) + " " + std::to_string(codes[i]) + " at position " +
                              std::to_string(i) + " is outside 0.." + std::to_string(n_codes - 1));
}

// starts[c] becomes the number of codes below c; starts has n_codes + 1 places.
inline void count_starts(const int32_t* codes, int64_t n, int64_t n_codes, int64_t* starts) {
  for (int64_t c = 0; c <= n_codes; ++c) starts[c] = 0;
  for (int64_t i = 0; i < n; ++i) ++starts[codes[i] + 1];
  for (int64_t c = 0; c < n_codes; ++c) starts[c + 1] += starts[c];
}

// order[j] = position of the j-th rating by (row, column), equal pairs in their given order.
inline void sort_order(const int32_t* rows, const int32_t* columns, int64_t n, int64_t n_rows,
                       int64_t n_columns, int64_t* order) {
  check_codes(rows, n, n_rows, "row");
  check_codes(columns, n, n_columns, "column");
  const int64_t n_starts = (n_rows > n_columns ? n_rows : n_columns) + 1;
  std::unique_ptr<int64_t[]> starts(new int64_t[n_starts]);
  std::unique_ptr<int64_t[]> by_column(new int64_t[n]);
  count_starts(columns, n, n_columns, starts.get());
  for (int64_t i = 0; i < n; ++i) by_column[starts[columns[i]]++] = i;
  count_starts(rows, n, n_rows, starts.get());
  for (int64_t j = 0; j < n; ++j) order[starts[rows[by_column[j]]]++] = by_column[j];
}

// The same ratings by column; in each column the rows ascend.
inline void transpose_rows(const int64_t* indptr, const int32_t* columns, const float* values,
                           int64_t n_rows, int64_t n_columns, int64_t* out_indptr,
                           int32_t* out_columns, float* out_values) {
  const int64_t n = indptr[n_rows];
  check_codes(columns, n, n_columns, "column");
  count_starts(columns, n, n_columns, out_indptr);
  std::unique_ptr<int64_t[]> next(new int64_t[n_columns]);
  for (int64_t c = 0; c < n_columns; ++c) next[c] = out_indptr[c];
  for (int64_t row = 0; row < n_rows; ++row)
    for (int64_t j = indptr[row]; j < indptr[row + 1]; ++j) {
      const int64_t place = next[columns[j]]++;
      out_columns[place] = static_cast<int32_t>(row);
      out_values[place] = values[j];
    }
}

struct ConstRows {
  const int64_t* indptr;
  const int32_t* columns;
  const float* values;
};

// The entries of both, row by row, with the later one where both have one. An earlier column c becomes new_columns[c]; these
// and the columns of every row have to ascend. The place for columns and values is as long as both together; out_indptr says
// how much of it is used.
inline void merge_rows(const ConstRows& earlier, const int32_t* new_columns, const ConstRows& later, int64_t n_rows,
                       int64_t* out_indptr, int32_t* out_columns, float* out_values) {
  int64_t place = 0;
  out_indptr[0] = 0;
  for (int64_t row = 0; row < n_rows; ++row) {
    int64_t i = earlier.indptr[row];
    const int64_t end = earlier.indptr[row + 1];
    for (int64_t j = later.indptr[row]; j < later.indptr[row + 1]; ++j) {
      const int32_t column = later.columns[j];
      for (; i < end && new_columns[earlier.columns[i]] < column; ++i, ++place) {
        out_columns[place] = new_columns[earlier.columns[i]];
        out_values[place] = earlier.values[i];
      }
      i += i < end && new_columns[earlier.columns[i]] == column;
      out_columns[place] = column;
      out_values[place++] = later.values[j];
    }
    for (; i < end; ++i, ++place) {
      out_columns[place] = new_columns[earlier.columns[i]];
      out_values[place] = earlier.values[i];
    }
    out_indptr[row + 1] = place;
  }
}

}  // namespace matinee
