// What a row minimises, from the ratings themselves in double precision: its value and its slope.
#pragma once

#include "rows/gather.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// out = −(prior + ridge·I) x + targets · shift, with the bias behind the factors.
static inline void start_residual(const RowProblem& problem, int64_t row, float ridge, double targets,
                                  const double* x, double* out, int64_t width) {
  for (int64_t f = 0; f <= width; ++f) out[f] = -double(ridge) * x[f];
  if (problem.precise_prior)
    for (int64_t f = 0; f < width; ++f)
      for (int64_t g = 0; g < width; ++g) out[g] -= x[f] * problem.precise_prior[f * width + g];
  if (problem.prior_border) {
    for (int64_t f = 0; f < width; ++f) out[f] -= x[width] * problem.prior_border[f];
    out[width] -= dot(x, problem.prior_border, width) + x[width] * problem.prior_corner;
  }
  if (!problem.shift) return;
  const float* shift = problem.shift + row * problem.shift_stride;
  for (int64_t f = 0; f < problem.n_factors; ++f) out[f] += targets * shift[f];
  out[width] += targets * shift[problem.n_factors];
}

// xᵀ(prior + ridge·I)x − 2 shiftᵀx. `product` takes width + 1 numbers.
static inline double penalty_of_prior(const RowProblem& problem, int64_t row, float ridge, const double* x,
                                      double* product, int64_t width) {
  start_residual(problem, row, ridge, 2, x, product, width);
  return -dot(x, product, width + 1);
}

// The weight w that a rating was given; without any, each counts once.
static inline double times_rated(const RowProblem& problem, int64_t rating) {
  return problem.weights ? double(problem.weights[rating]) : 1;
}

// What a rating of weight c adds to the objective where it is predicted so. With confidence, the prior holds
// unobserved · prediction² of every column, and a seen one has the target 1.
static inline double rating_loss(const RowProblem& problem, int64_t rating, double weighted_target, double weight,
                                 double predicted) {
  if (problem.feedback == Feedback::ratings) {
    const double missed = weighted_target - weight * predicted;
    return !problem.weights ? missed * missed : weight > 0 ? missed * missed / weight : 0;
  }
  if (!(weighted_target > 0)) return weight * predicted * predicted;
  const double unobserved = times_rated(problem, rating) * problem.unobserved;
  return weight * (1 - predicted) * (1 - predicted) + unobserved * (1 - 2 * predicted);
}

// out = targets · b − A x, with targets 1 or 0; returns the ratings' share of the objective if they are 1.
static inline double find_residual(const RowProblem& problem, int64_t row, float ridge, double targets,
                                   const double* x, double* out, Scratch& scratch) {
  typedef float HalfVec __attribute__((vector_size(MATINEE_LANES * 2), aligned(4), may_alias));
  typedef double DoubleVec __attribute__((vector_size(MATINEE_LANES * 4)));
  typedef double LooseDoubleVec __attribute__((vector_size(MATINEE_LANES * 4), aligned(8), may_alias));
  constexpr int64_t lanes = kLanes / 2;
  const int64_t width = scratch.width;
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1];
  const double bias = x[width];
  start_residual(problem, row, ridge, targets, x, out, width);
  double loss = 0, error_sum = 0;
  for_each_panel(problem, begin, end, Weights::plain, scratch, [&](int64_t start, int64_t n) {
    for (int64_t p = 0; p < n; ++p) {
      const float* factors = scratch.panel + p * width;
      DoubleVec products[2] = {};
      for (int64_t f = 0; f < width; f += 2 * lanes)
        for (int64_t half = 0; half < 2; ++half) {
          const int64_t at = f + half * lanes;
          products[half] += __builtin_convertvector(*reinterpret_cast<const HalfVec*>(factors + at), DoubleVec) *
                            *reinterpret_cast<const LooseDoubleVec*>(x + at);
        }
      products[0] += products[1];
      double predicted = bias;
      for (int64_t lane = 0; lane < lanes; ++lane) predicted += products[0][lane];
      const double error = targets * scratch.side[2 * p] - scratch.side[2 * p + 1] * predicted;
      loss += rating_loss(problem, begin + start + p, scratch.side[2 * p], scratch.side[2 * p + 1], predicted);
      error_sum += error;
      for (int64_t f = 0; f < width; f += lanes)
        *reinterpret_cast<LooseDoubleVec*>(out + f) +=
            error * __builtin_convertvector(*reinterpret_cast<const HalfVec*>(factors + f), DoubleVec);
    }
  });
  out[width] = problem.biases ? out[width] + error_sum : 0;
  return loss;
}

// The weight c and the target t of a rating, not rounded to single precision; a seen item's own target is 1, and
// `unobserved` is what it adds to c t besides.
struct PreciseTerms {
  double weight, target, unobserved;
};

static inline PreciseTerms precise_terms(const RowProblem& problem, int64_t rating) {
  const double value = problem.values[rating], times = times_rated(problem, rating);
  if (problem.feedback == Feedback::confidence) {
    const double weight = times * double(problem.confidence) * (value < 0 ? -value : value);
    return value > 0 ? PreciseTerms{weight, 1, times * problem.unobserved} : PreciseTerms{weight, 0, 0};
  }
  const double bias = problem.column_biases ? problem.column_biases[problem.columns[rating]] : 0;
  const double said = problem.second ? said_by_second(problem, rating) : 0;
  return {times, value - problem.offset - bias - said, 0};
}

// to = scale · y of a rating; with a second row, y is their sum in single precision, as it is in a panel.
static inline void copy_precisely(const RowProblem& problem, int64_t rating, double scale, double* to) {
  const float* factors = problem.fixed + int64_t(problem.columns[rating]) * problem.n_factors;
  const float* beside = problem.second ? second_row(problem, rating) : nullptr;
  for (int64_t f = 0; f < problem.n_factors; ++f) to[f] = scale * (beside ? factors[f] + beside[f] : factors[f]);
}

// The objective at x, with nothing rounded to single precision on the way.
static inline double objective_at(const RowProblem& problem, int64_t row, const double* x, Scratch& scratch) {
  const int64_t width = scratch.width, n_factors = problem.n_factors;
  double objective = penalty_of_prior(problem, row, problem.ridge[row], x, scratch.product, width);
  for (int64_t rating = problem.indptr[row]; rating < problem.indptr[row + 1]; ++rating) {
    if (is_stopped(problem)) return objective;
    copy_precisely(problem, rating, 1, scratch.rotated);
    const double predicted = dot(scratch.rotated, x, n_factors) + x[width];
    const PreciseTerms terms = precise_terms(problem, rating);
    const double missed = terms.target - predicted;
    objective += terms.weight * missed * missed + terms.unobserved * (1 - 2 * predicted);
  }
  return objective;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
