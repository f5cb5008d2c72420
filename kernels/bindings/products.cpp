// Products of whole matrices: the Gram matrix of a side, and sparse features with dense columns.
#include <algorithm>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/run.hpp"
#include "gram_parts.hpp"
#include "levels/dispatch.hpp"

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
  // One check of the largest, for a loop without branches becomes vector instructions; a negative column is the
  // largest of all.
  uint32_t largest = 0;
  for (int64_t j = 0; j < n; ++j) largest = std::max(largest, uint32_t(columns.data()[j]));
  require(n == 0 || int64_t(largest) < int64_t(dense.shape(0)), "a column lies outside the dense matrix");
  const SparseProblem problem{indptr.data(), columns.data(), values.data(), dense.data(), n_dense, product.data()};
  auto cost = [&](int64_t row) { return double(problem.indptr[row + 1] - problem.indptr[row]) + 8; };
  const double total = double(n) + 8.0 * double(n_rows);
  const auto chunks = equal_chunks(n_rows, std::max(total / (n_threads * 16.0), 4096.0), cost);
  run(int64_t(chunks.size()) - 1, n_threads,
      [&](int64_t chunk, int) { level->multiply_sparse(problem, chunks[chunk], chunks[chunk + 1]); });
}

}  // namespace

void bind_products(nb::module_& module) {
  module.def("gram", &gram, "factors"_a, "gram"_a, "n_threads"_a);
  module.def("multiply_sparse", &multiply_sparse, "indptr"_a, "columns"_a, "values"_a, "dense"_a, "product"_a,
             "n_threads"_a);
}

}  // namespace matinee
