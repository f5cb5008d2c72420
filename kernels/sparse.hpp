// Compressed sparse rows times a dense matrix.
#pragma once

#include "levels/simd.hpp"
#include "problems/sparse_problem.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// How many columns are added at a time: a whole register, or what is left of a row in fours, which every level has, and
// then one by one. The types are members since a template argument would lose that `Loose` need not be aligned.
struct Whole {
  typedef Vec Sum;
  typedef LooseVec Loose;
};
struct Four {
  typedef float Sum __attribute__((vector_size(16)));
  typedef float Loose __attribute__((vector_size(16), aligned(4), may_alias));
};
struct One {
  typedef float Sum;
  typedef float Loose;
};

// Σ values · dense[column] of a sparse row, for `n_parts` parts of the dense columns from f on. Entries go to two sums
// in turn, so that none waits for the addition before it.
template <class Part, int64_t n_parts>
static inline void add_dense_rows(const SparseProblem& problem, int64_t begin, int64_t end, int64_t f, float* out) {
  typedef typename Part::Loose Loose;
  constexpr int64_t size = sizeof(Loose) / sizeof(float);
  const float* dense = problem.dense + f;
  typename Part::Sum sums[2][n_parts] = {};
  auto add = [&](int64_t j, int64_t turn) {
    const float* from = dense + int64_t(problem.columns[j]) * problem.n_dense;
    for (int64_t p = 0; p < n_parts; ++p)
      sums[turn][p] += problem.values[j] * *reinterpret_cast<const Loose*>(from + p * size);
  };
  int64_t j = begin;
  for (; j + 2 <= end; j += 2) {
    add(j, 0);
    add(j + 1, 1);
  }
  if (j < end) add(j, 0);
  for (int64_t p = 0; p < n_parts; ++p) *reinterpret_cast<Loose*>(out + f + p * size) = sums[0][p] + sums[1][p];
}

// product[row] = Σ values · dense[column] for each row.
static inline void multiply_sparse(const SparseProblem& problem, int64_t first, int64_t last) {
  const SparseProblem local = problem;  // its members cannot then alias what is stored
  const int64_t n = local.n_dense;
  for (int64_t row = first; row < last; ++row) {
    const int64_t begin = local.indptr[row], end = local.indptr[row + 1];
    float* out = local.product + row * n;
    int64_t f = 0;
    for (; f + 4 * kLanes <= n; f += 4 * kLanes) add_dense_rows<Whole, 4>(local, begin, end, f, out);
    for (; f + 2 * kLanes <= n; f += 2 * kLanes) add_dense_rows<Whole, 2>(local, begin, end, f, out);
    for (; f + kLanes <= n; f += kLanes) add_dense_rows<Whole, 1>(local, begin, end, f, out);
    for (; f + 8 <= n; f += 8) add_dense_rows<Four, 2>(local, begin, end, f, out);
    for (; f + 4 <= n; f += 4) add_dense_rows<Four, 1>(local, begin, end, f, out);
    for (; f < n; ++f) add_dense_rows<One, 1>(local, begin, end, f, out);
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
