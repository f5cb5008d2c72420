// Products of matrices with a vector: of the factors of a row's ratings, in place or in a panel, and of the prior.
#pragma once

#include "rows/gather.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// The weights of a register of ratings; a lane without a rating weighs nothing.
struct RatingWeights {
  Vec weights;           // c
  Vec weighted_targets;  // c t
  Vec targets_squared;   // c t²
};

typedef int32_t Mask __attribute__((vector_size(MATINEE_LANES * 4)));

static inline Mask first_lanes(int64_t n) {
  Mask lanes;
  for (int32_t lane = 0; lane < kLanes; ++lane) lanes[lane] = lane;
  return lanes < int32_t(n);
}

struct RowFactors {
  const RowProblem& problem;
  int64_t begin, end;
  Scratch& scratch;

  // Finds the factors of n ratings: in place, or copied if they need padding or a sum.
  void find(int64_t first, int64_t n, const float** rows) const {
    const int64_t n_factors = problem.n_factors;
    for (int64_t r = 0; r < kLanes; ++r)
      rows[r] = problem.fixed + int64_t(problem.columns[first + (r < n ? r : 0)]) * n_factors;
    if (n_factors == scratch.width && !problem.second) return;
    for (int64_t r = 0; r < kLanes; ++r) {
      float* copy = scratch.panel + r * scratch.width;
      copy_factors<false>(problem, first + (r < n ? r : 0), 1, copy);
      rows[r] = copy;
    }
  }

  // Asks for the factors of the ratings that come next, into the first-level cache.
  void prefetch(int64_t first) const {
    const int64_t last = first + kLanes < end ? first + kLanes : end;
    for (int64_t rating = first; rating < last; ++rating) prefetch_factors<kFirstCache>(problem, rating);
  }

  RatingWeights weigh(int64_t first, int64_t n) const {
    float values[kLanes] = {};
    for (int64_t r = 0; r < n; ++r) values[r] = problem.values[first + r];
    if (problem.feedback == Feedback::ratings) {
      for (int64_t r = 0; r < n; ++r)
        values[r] -= problem.offset + (problem.column_biases ? problem.column_biases[problem.columns[first + r]] : 0);
      const Vec targets = load(values);
      if (problem.weights) {
        const Vec times = load_first(problem.weights + first, n);
        return {times, times * targets, times * targets * targets};
      }
      const Vec ones = first_lanes(n) ? Vec{} + 1.0f : Vec{};
      return {ones, targets, targets * targets};
    }
    const Vec strength = load(values);
    const Vec weights = problem.confidence * (strength < 0 ? -strength : strength);
    const Vec seen = strength > 0 ? problem.unobserved + weights : Vec{};
    if (!problem.weights) return {weights, seen, seen};
    const Vec times = load_first(problem.weights + first, n);
    return {times * weights, times * seen, times * seen};
  }
};

// products = rows · x.
static inline Vec multiply_rows(const float* const* rows, const float* x, int64_t width) {
  Vec sums[kLanes] = {};
  for (int64_t f = 0; f < width; f += kLanes) {
    const Vec part = load(x + f);
    for (int64_t r = 0; r < kLanes; ++r) sums[r] += load(rows[r] + f) * part;
  }
  return sum_rows(sums);
}

// out += Σ_r weights[r] · rows[r].
static inline void add_rows(const float* const* rows, Vec weights, int64_t width, float* out) {
  Vec spread[kLanes];
  for (int64_t r = 0; r < kLanes; ++r) spread[r] = Vec{} + weights[r];
  for (int64_t f = 0; f < width; f += kLanes) {
    Vec even = {}, odd = {};
    for (int64_t r = 0; r < kLanes; r += 2) {
      even += spread[r] * load(rows[r] + f);
      odd += spread[r + 1] * load(rows[r + 1] + f);
    }
    store(out + f, load(out + f) + (even + odd));
  }
}

// out += Σ_p weigh(p, y_pᵀx) · y_p in one pass over the factors, a register of ratings at a time.
template <class Weigh>
static inline void add_weighted_ratings(const RowFactors& factors, const float* x, int64_t width, float* out,
                                        Weigh weigh) {
  for (int64_t first = factors.begin; first < factors.end; first += kLanes) {
    const int64_t n = first + kLanes < factors.end ? kLanes : factors.end - first;
    if (is_stopped(factors.problem)) return;
    const float* rows[kLanes];
    factors.find(first, n, rows);
    factors.prefetch(first + kLanes);
    add_rows(rows, weigh(factors.weigh(first, n), multiply_rows(rows, x, width)), width, out);
  }
}

constexpr int64_t kRatingsTogether = 4;

// predicted[p] = panel_p · x, four ratings at a time.
static inline void predict_panel(const float* panel, int64_t stride, int64_t width, const float* x, int64_t n,
                                 float* predicted) {
  int64_t p = 0;
  for (; p + kRatingsTogether <= n; p += kRatingsTogether) {
    Vec sums[kRatingsTogether] = {};
    for (int64_t f = 0; f < width; f += kLanes) {
      const Vec factors = load(x + f);
      for (int64_t r = 0; r < kRatingsTogether; ++r) sums[r] += load(panel + (p + r) * stride + f) * factors;
    }
    for (int64_t r = 0; r < kRatingsTogether; ++r) predicted[p + r] = sum_lanes(sums[r]);
  }
  for (; p < n; ++p) {
    Vec sums = {};
    for (int64_t f = 0; f < width; f += kLanes) sums += load(panel + p * stride + f) * load(x + f);
    predicted[p] = sum_lanes(sums);
  }
}

// out += Σ_p weights[p · step] · panel_p.
static inline void add_weighted_panel(const float* panel, int64_t stride, int64_t width, const float* weights,
                                      int64_t step, int64_t n, float* out) {
  int64_t p = 0;
  for (; p + kRatingsTogether <= n; p += kRatingsTogether)
    for (int64_t f = 0; f < width; f += kLanes) {
      Vec sums = load(out + f);
      for (int64_t r = 0; r < kRatingsTogether; ++r)
        sums += weights[(p + r) * step] * load(panel + (p + r) * stride + f);
      store(out + f, sums);
    }
  for (; p < n; ++p)
    for (int64_t f = 0; f < width; f += kLanes)
      store(out + f, load(out + f) + weights[p * step] * load(panel + p * stride + f));
}

// out = (matrix + ridge·I) x of a symmetric matrix, width × width; rows beyond n_factors are zeros, and so are their factors.
static inline void multiply_symmetric(const float* matrix, int64_t n_factors, float ridge, const float* x, int64_t width,
                                      float* out) {
  for (int64_t f = 0; f < width; f += kLanes) store(out + f, ridge * load(x + f));
  if (!matrix) return;
  for (int64_t f = 0; f < n_factors; f += kLanes) {
    const float* rows[kLanes];
    for (int64_t r = 0; r < kLanes; ++r) rows[r] = matrix + (f + r) * width;
    add_rows(rows, load(x + f), width, out);
  }
}

// out = (prior + ridge·I) x.
static inline void multiply_prior(const RowProblem& problem, float ridge, const float* x, int64_t width, float* out) {
  multiply_symmetric(problem.prior, problem.n_factors, ridge, x, width, out);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
