// The one small problem that every model solves, as plain data.
//
//     A = prior + ridge·I + Σ c_i y_i y_iᵀ      b = shift + Σ c_i t_i y_i      x = A⁻¹ b
//
// Explicit ratings may have a second row z beside the first: then y_i + z_i stands for y_i, and what both say without
// the row that is solved, the bias of z_i and y_iᵀz_i, is taken off the target.
//
// Explicit ratings: c_i = w_i, t_i = value_i − offset − column_bias_i. With a bias of its own, a row's y_i is
// (y_i, 1) and its x is (x, bias): the border of A.
//
// Confidence: what was seen has the weight unobserved + c_i, where c_i = confidence·|value_i|, and the target 1, or 0
// if its value is negative. Everything else has the weight `unobserved` and the target 0. The prior holds the Gram
// matrix of all columns times `unobserved`, so that c_i t_i = unobserved + c_i. With a weight, c_i and c_i t_i are w_i
// times that: a rating of weight 2 is a rating twice, and one of weight 0 is none.
#pragma once

#include <cstdint>

#include "constants.hpp"

namespace matinee {

enum class Feedback { ratings, confidence };
enum class Solver { cholesky, conjugate_gradient, subspace };

// A and b of a long row in parts, each the sums over a share of its ratings, which threads have found side by side. The
// cut depends on the row alone, and the parts are added in order, so that no bit depends on the threads.
struct RowParts {
  int64_t n_parts;
  float* matrices;  // a part's A and its borders: part_floats(n_factors) for each
  double* sums;     // a part's sums that belong to no factor: kPartSums for each
};

constexpr int64_t kPartSums = 3;

static inline int64_t part_floats(int64_t n_factors) {
  return padded_rank(n_factors) * (padded_rank(n_factors) + 2);
}

struct RowProblem {
  // The observed ratings of each row, compressed sparse rows.
  const int64_t* indptr;
  const int32_t* columns;
  const float* values;
  const float* weights;  // w, or null where all are 1
  Feedback feedback;
  float confidence;
  float unobserved;
  // The fixed side: n_fixed × n_factors, rows without padding.
  const float* fixed;
  int64_t n_fixed;
  int64_t n_factors;
  bool scattered;  // the factors are used in place, where each column has its own: see can_use_in_place
  const float* column_biases;  // n_fixed, or null
  // The second rows: n_second × n_factors, or null; one for each rating.
  const float* second;
  int64_t n_second;
  const int32_t* second_columns;
  const float* second_biases;  // n_second, or null
  float offset;
  const float* ridge;           // a row's λ, n_rows
  const float* prior;           // width × width, n_factors rounded up to a block, or null
  const double* precise_prior;  // the same in double precision
  // With a prior and biases, the prior's last row and column, those of the bias; or null and 0.
  const double* prior_border;  // width
  double prior_corner;
  const float* shift;    // q, its bias last: n_factors + 1 for a row; or null where it is 0
  int64_t shift_stride;  // n_factors + 1, or 0 where all rows share theirs
  // How: to the exact minimum, or a fixed number of steps towards it from the solution that is there.
  Solver solver;
  int64_t n_steps;
  int64_t longest_row;  // the number of its ratings
  bool refine_always;   // to the last digit, however well-posed the row is: for the answers that are kept
  // x is drawn from the normal distribution of mean A⁻¹ b and covariance spread² A⁻¹; with 0 it is the mean.
  float spread;
  uint64_t seed;
  int64_t noise_stride;  // 1, or 0 where all rows draw with the same noise
  const RowParts* parts;  // of the one row that is solved, if it is long; or null
  const bool* stopped;  // turns true when the answers are no longer wanted; or null
  // The answers.
  float* solution;         // n_rows × n_factors
  float* biases;           // n_rows, or null where rows have none
  double* squared_errors;  // n_rows: Σ c_i (t_i − y_iᵀx − bias)² + xᵀ·prior·x − 2 shiftᵀx; or null
  double* penalties;       // n_rows: ridge · (‖x‖² + bias²), or null
};

// Asked between pieces of a row's work, as one row may take longer than somebody who stops a fit will wait.
static inline bool is_stopped(const RowProblem& problem) {
  return problem.stopped && __atomic_load_n(problem.stopped, __ATOMIC_RELAXED);
}

// Whether the fixed factors need no copy: they need no padding, each row starts a cache line, and an explicit rating
// has no weight to scale it by, nor a second row to add.
static inline bool can_use_in_place(const RowProblem& problem) {
  return problem.feedback == Feedback::ratings && !problem.weights && !problem.second &&
         problem.n_factors == padded_rank(problem.n_factors) &&
         reinterpret_cast<uintptr_t>(problem.fixed) % kCacheLine == 0;
}

}  // namespace matinee
