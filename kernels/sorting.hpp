// Sorts ratings into compressed sparse rows: stable counting sorts, linear in the number of ratings.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace matinee {

inline void check_codes(const int32_t* codes, int64_t first, int64_t last, int64_t n_codes, const char* name) {
  for (int64_t i = first; i < last; ++i)
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
  check_codes(rows, 0, n, n_rows, "row");
  check_codes(columns, 0, n, n_columns, "column");
  const int64_t n_starts = (n_rows > n_columns ? n_rows : n_columns) + 1;
  std::unique_ptr<int64_t[]> starts(new int64_t[n_starts]);
  std::unique_ptr<int64_t[]> by_column(new int64_t[n]);
  count_starts(columns, n, n_columns, starts.get());
  for (int64_t i = 0; i < n; ++i) by_column[starts[columns[i]]++] = i;
  count_starts(rows, n, n_rows, starts.get());
  for (int64_t j = 0; j < n; ++j) order[starts[rows[by_column[j]]]++] = by_column[j];
}

// Rows over threads, in ranges of about as many ratings, and no fewer than `least`.
class RowRanges {
 public:
  RowRanges(const int64_t* indptr, int64_t n_rows, int n_threads, int64_t least = 0) {
    const int64_t n = indptr[n_rows], n_ranges = std::clamp<int64_t>(n / std::max(least, kLeast), 1, n_threads);
    for (int64_t range = 1; range < n_ranges; ++range)
      ends_.push_back(std::lower_bound(indptr, indptr + n_rows, n / n_ranges * range) - indptr);
    ends_.push_back(n_rows);
  }
  int64_t size() const { return int64_t(ends_.size()); }
  int64_t begin(int64_t range) const { return range == 0 ? 0 : ends_[range - 1]; }
  int64_t end(int64_t range) const { return ends_[range]; }

 private:
  static constexpr int64_t kLeast = 1 << 16;  // a thread costs more than to sort fewer
  std::vector<int64_t> ends_;
};

// The same ratings by column; in each column the rows ascend. Each range of the rows first counts its ratings of every column,
// and then has places of its own in each. over_ranges calls a function for every range, perhaps for several at once.
template <class OverRanges>
void transpose_rows(const int64_t* indptr, const int32_t* columns, const float* values, int64_t n_columns,
                    const RowRanges& ranges, OverRanges over_ranges, int64_t* out_indptr, int32_t* out_columns,
                    float* out_values) {
  std::vector<std::vector<int64_t>> places(ranges.size(), std::vector<int64_t>(n_columns));
  over_ranges([&](int64_t range) {
    const int64_t first = indptr[ranges.begin(range)], last = indptr[ranges.end(range)];
    check_codes(columns, first, last, n_columns, "column");
    for (int64_t j = first; j < last; ++j) ++places[range][columns[j]];
  });
  int64_t n_before = 0;
  for (int64_t c = 0; c < n_columns; ++c) {
    out_indptr[c] = n_before;
    for (auto& place : places) n_before += std::exchange(place[c], n_before);
  }
  out_indptr[n_columns] = n_before;
  over_ranges([&](int64_t range) {
    int64_t* next = places[range].data();
    for (int64_t row = ranges.begin(range); row < ranges.end(range); ++row)
      for (int64_t j = indptr[row]; j < indptr[row + 1]; ++j) {
        const int64_t place = next[columns[j]]++;
        out_columns[place] = static_cast<int32_t>(row);
        out_values[place] = values[j];
      }
  });
}

struct ConstRows {
  const int64_t* indptr;
  const int32_t* columns;
  const float* values;
};

// The entries of both, row by row, with the later one where both have one. An earlier column c becomes new_columns[c]; these
// and the columns of every row have to ascend. Writes the rows from first to last at a place, and returns the place behind
// them; out_indptr[row + 1] becomes the end of each row.
inline int64_t merge_range(const ConstRows& earlier, const int32_t* new_columns, const ConstRows& later, int64_t first,
                          int64_t last, int64_t place, int64_t* out_indptr, int32_t* out_columns, float* out_values) {
  for (int64_t row = first; row < last; ++row) {
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
  return place;
}

// All rows. The place for columns and values is as long as both together; out_indptr says how much of it is used. A range
// of rows is written where it would begin if no entry had been in both, and moved if some were.
template <class OverRanges>
void merge_rows(const ConstRows& earlier, const int32_t* new_columns, const ConstRows& later, const RowRanges& ranges,
                OverRanges over_ranges, int64_t* out_indptr, int32_t* out_columns, float* out_values) {
  out_indptr[0] = 0;
  std::vector<int64_t> begins(ranges.size()), ends(ranges.size());
  over_ranges([&](int64_t range) {
    const int64_t first = ranges.begin(range);
    begins[range] = earlier.indptr[first] + later.indptr[first];
    ends[range] =
        merge_range(earlier, new_columns, later, first, ranges.end(range), begins[range], out_indptr, out_columns, out_values);
  });
  int64_t place = 0;
  for (int64_t range = 0; range < ranges.size(); ++range) {
    const int64_t begin = begins[range], n = ends[range] - begin, n_less = begin - place;
    if (n_less > 0) {
      std::memmove(out_columns + place, out_columns + begin, n * sizeof(int32_t));
      std::memmove(out_values + place, out_values + begin, n * sizeof(float));
      for (int64_t row = ranges.begin(range); row < ranges.end(range); ++row) out_indptr[row + 1] -= n_less;
    }
    place += n;
  }
}

}  // namespace matinee
