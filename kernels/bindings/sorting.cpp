// Ratings into compressed sparse rows, by user and by item.
#include "sorting.hpp"

#include <limits>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/run.hpp"

using namespace nanobind::literals;

namespace matinee {
namespace {

void require_count(int64_t n) {
  require(n >= 0 && n <= std::numeric_limits<int32_t>::max(), "numbers of rows and columns must fit in 32 bits");
}

auto sorted_order(Vector<int32_t> rows, Vector<int32_t> columns, int64_t n_rows, int64_t n_columns) {
  require(rows.shape(0) == columns.shape(0), "rows and columns must be of one length");
  require_count(n_rows);
  require_count(n_columns);
  const int64_t n = rows.shape(0);
  auto order = new_vector<int64_t>(n);
  nb::gil_scoped_release release;
  sort_order(rows.data(), columns.data(), n, n_rows, n_columns, order.data());
  return order;
}

// Calls what it is given for every range of rows, over so many threads.
auto over(const RowRanges& ranges, int n_threads) {
  return [&ranges, n_threads](const auto& of_range) {
    run(ranges.size(), n_threads, [&](int64_t range, int) { of_range(range); });
  };
}

nb::tuple transposed_rows(Vector<int64_t> indptr, Vector<int32_t> columns, Vector<float> values, int64_t n_columns,
                          int n_threads) {
  const int64_t n_rows = count_rows(indptr, columns, values), n = columns.shape(0);
  require_count(n_columns);
  require_threads(n_threads);
  auto out_indptr = new_vector<int64_t>(n_columns + 1);
  auto out_columns = new_vector<int32_t>(n);
  auto out_values = new_vector<float>(n);
  // Each range has a place for every column.
  const RowRanges ranges(indptr.data(), n_rows, n_threads, n_columns);
  transpose_rows(indptr.data(), columns.data(), values.data(), n_columns, ranges, over(ranges, n_threads),
                 out_indptr.data(), out_columns.data(), out_values.data());
  return nb::make_tuple(out_indptr, out_columns, out_values);
}

nb::tuple merged_rows(Vector<int64_t> indptr, Vector<int32_t> columns, Vector<float> values, Vector<int32_t> new_columns,
                      Vector<int64_t> later_indptr, Vector<int32_t> later_columns, Vector<float> later_values,
                      int n_threads) {
  const int64_t n_rows = count_rows(indptr, columns, values);
  require(count_rows(later_indptr, later_columns, later_values) == n_rows, "both must have as many rows");
  require_threads(n_threads);
  const int64_t n = columns.shape(0) + later_columns.shape(0);
  auto out_indptr = new_vector<int64_t>(n_rows + 1);
  auto out_columns = new_vector<int32_t>(n);
  auto out_values = new_vector<float>(n);
  check_codes(columns.data(), 0, columns.shape(0), new_columns.shape(0), "column");
  const RowRanges ranges(indptr.data(), n_rows, n_threads);
  merge_rows({indptr.data(), columns.data(), values.data()}, new_columns.data(),
             {later_indptr.data(), later_columns.data(), later_values.data()}, ranges, over(ranges, n_threads),
             out_indptr.data(), out_columns.data(), out_values.data());
  return nb::make_tuple(out_indptr, out_columns, out_values);
}

}  // namespace

void bind_sorting(nb::module_& module) {
  module.def("sort_order", &sorted_order, "rows"_a, "columns"_a, "n_rows"_a, "n_columns"_a);
  module.def("transpose_rows", &transposed_rows, "indptr"_a, "columns"_a, "values"_a, "n_columns"_a,
             "n_threads"_a = 1);
  module.def("merge_rows", &merged_rows, "indptr"_a, "columns"_a, "values"_a, "new_columns"_a, "later_indptr"_a,
             "later_columns"_a, "later_values"_a, "n_threads"_a = 1);
}

}  // namespace matinee
