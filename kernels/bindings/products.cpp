// Products of whole matrices: the Gram matrix of a side, and sparse features with dense columns.
#include <algorithm>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/run.hpp"
#include "gram_parts.hpp"
#include "levels/dispatch.hpp"
#include "sparse_product.hpp"

using namespace nanobind::literals;

namespace matinee {
namespace {

void gram(Matrix<float> factors, OutMatrix<double> gram, int n_threads) {
  const int64_t n_factors = factors.shape(1);
  require(int64_t(gram.shape(0)) == n_factors && int64_t(gram.shape(1)) == n_factors,
          "gram must be n_factors × n_factors");
  auto over_threads = [&](int64_t n_parts, auto work) {
    run(n_parts, n_threads, [&](int64_t part, int) { work(part); });
  };
  gram_in_parts(*level, factors.data(), factors.shape(0), n_factors, over_threads, gram.data());
}

void multiply_sparse(Vector<int64_t> indptr, Vector<int32_t> columns, Vector<float> values, Matrix<float> dense,
                     OutMatrix<float> product, int n_threads) {
  const int64_t n_rows = count_rows(indptr, columns, values), n_dense = dense.shape(1), n = columns.shape(0);
  require(int64_t(product.shape(0)) == n_rows && int64_t(product.shape(1)) == n_dense,
          "product must have a row for each row and a column for each of the dense matrix");
  require(lie_within(columns, dense.shape(0)), "a column lies outside the dense matrix");
  const SparseProblem problem{indptr.data(), columns.data(), values.data(), dense.data(), n_dense, product.data()};
  auto cost = [&](int64_t row) { return double(problem.indptr[row + 1] - problem.indptr[row]) + 8; };
  const double total = double(n) + 8.0 * double(n_rows);
  const auto chunks = equal_chunks(n_rows, std::max(total / (n_threads * 16.0), 4096.0), cost);
  run(int64_t(chunks.size()) - 1, n_threads,
      [&](int64_t chunk, int) { level->multiply_sparse(problem, chunks[chunk], chunks[chunk + 1]); });
}

void multiply_sparse_rows_into(Vector<int64_t> left_indptr, Vector<int32_t> left_columns, Vector<float> left_values,
                               Vector<int64_t> right_indptr, Vector<int32_t> right_columns,
                               Vector<float> right_values, OutMatrix<float> product, int n_threads) {
  const int64_t n_rows = count_rows(left_indptr, left_columns, left_values);
  const int64_t n_middle = count_rows(right_indptr, right_columns, right_values), width = product.shape(1);
  require(int64_t(product.shape(0)) == n_rows, "product must have a row for each row of the left side");
  require(lie_within(left_columns, n_middle), "a column of the left side is no row of the right side");
  require(lie_within(right_columns, width), "a column of the right side is no column of the product");
  const SparseRows left{left_indptr.data(), left_columns.data(), left_values.data()};
  const SparseRows right{right_indptr.data(), right_columns.data(), right_values.data()};
  auto cost = [&](int64_t row) {
    double sum = double(width) / 8 + 8;
    for (int64_t j = left.indptr[row]; j < left.indptr[row + 1]; ++j)
      sum += double(right.indptr[left.columns[j] + 1] - right.indptr[left.columns[j]]);
    return sum;
  };
  const auto chunks = equal_chunks(n_rows, 1e6, cost);
  run(int64_t(chunks.size()) - 1, n_threads, [&](int64_t chunk, int) {
    multiply_sparse_rows(left, right, width, chunks[chunk], chunks[chunk + 1], product.data());
  });
}

}  // namespace

void bind_products(nb::module_& module) {
  module.def("gram", &gram, "factors"_a, "gram"_a, "n_threads"_a);
  module.def("multiply_sparse", &multiply_sparse, "indptr"_a, "columns"_a, "values"_a, "dense"_a, "product"_a,
             "n_threads"_a);
  module.def("multiply_sparse_rows", &multiply_sparse_rows_into, "left_indptr"_a, "left_columns"_a, "left_values"_a,
             "right_indptr"_a, "right_columns"_a, "right_values"_a, "product"_a, "n_threads"_a);
}

}  // namespace matinee
