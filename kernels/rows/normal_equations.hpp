// A and b of one row, accumulated, factorised and solved.
#pragma once

#include "rows/cholesky.hpp"
#include "rows/gather.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

template <Update update, class Panel>
static inline void add_panel(Panel panel, int64_t depth, Scratch& scratch, Prefetcher& prefetcher, int64_t limit) {
  const int64_t width = scratch.width;
  const int64_t share = (scratch.panel_size * kTileRows + width - 1) / width;
  for (int64_t r = 0; r < width; r += kTileRows) {
    prefetcher.advance(share, limit);
    tile_row<kTileRows, update>(Within<Panel>{panel, r}, depth, r / kBlock * kBlock, width, scratch.A + r * width,
                                width);
  }
}

// Adds to b and, for the border of a bias, to Σ y.
template <Update update, class Panel>
static inline void add_border(const RowProblem& problem, Panel panel, int64_t depth, Scratch& scratch) {
  const Beside<Panel> factors{{scratch.side, 2}, panel};
  if (problem.biases)
    tile_row<2, update>(factors, depth, 0, scratch.width, scratch.border, scratch.width);
  else
    tile_row<1, update>(factors, depth, 0, scratch.width, scratch.border, scratch.width);
}

template <class Panel>
static inline void add_ratings(const RowProblem& problem, Panel panel, int64_t depth, bool replaces, Scratch& scratch,
                               Prefetcher& prefetcher, int64_t limit) {
  if (replaces) {
    add_panel<Update::assign>(panel, depth, scratch, prefetcher, limit);
    add_border<Update::assign>(problem, panel, depth, scratch);
  } else {
    add_panel<Update::add>(panel, depth, scratch, prefetcher, limit);
    add_border<Update::add>(problem, panel, depth, scratch);
  }
}

// Sets A's upper triangle and both borders to what the prior says; returns what it adds to the sums of the bias.
static inline BorderSums start_from_prior(const RowProblem& problem, int64_t row, Scratch& scratch) {
  const int64_t width = scratch.width, n_factors = problem.n_factors;
  for (int64_t r = 0; r < width; ++r)
    for (int64_t c = r / kBlock * kBlock; c < width; c += kLanes)
      store(scratch.A + r * width + c, load(problem.prior + r * width + c));
  const float* shift = problem.shift ? problem.shift + row * problem.shift_stride : nullptr;
  for (int64_t f = 0; f < width; ++f) {
    scratch.border[f] = shift && f < n_factors ? shift[f] : 0.0f;
    scratch.border[width + f] = problem.prior_border ? float(problem.prior_border[f]) : 0.0f;
  }
  BorderSums sums;
  sums.targets = shift ? shift[n_factors] : 0;
  sums.ones = problem.prior_corner;
  return sums;
}

// Sets A's upper triangle, both borders and the sums to the sums of the parts.
static inline BorderSums add_parts(const RowParts& parts, Scratch& scratch) {
  const int64_t width = scratch.width, size = width * (width + 2);
  BorderSums sums;
  for (int64_t part = 0; part < parts.n_parts; ++part) {
    const float* A = parts.matrices + part * size;
    const float* border = A + width * width;
    for (int64_t i = 0; i < width * width; i += kLanes)
      store(scratch.A + i, part > 0 ? load(scratch.A + i) + load(A + i) : load(A + i));
    for (int64_t i = 0; i < 2 * width; i += kLanes)
      store(scratch.border + i, part > 0 ? load(scratch.border + i) + load(border + i) : load(border + i));
    const double* of_part = parts.sums + part * kPartSums;
    sums += {of_part[0], of_part[1], of_part[2]};
  }
  return sums;
}

// Calls add(panel, first, n) for the ratings from begin to end, step at a time: in place, or copied side by side and scaled.
template <class Add>
static inline BorderSums for_each_gathered(const RowProblem& problem, int64_t begin, int64_t end, int64_t step,
                                           bool in_place, Scratch& scratch, Add add) {
  BorderSums sums;
  for (int64_t first = begin; first < end; first += step) {
    const int64_t last = first + step < end ? first + step : end;
    if (is_stopped(problem)) return sums;
    if (in_place) {
      sums += gather_scattered(problem, first, last, scratch);
      add(Scattered{scratch.rows}, first, last - first);
    } else {
      sums += gather(problem, first, last, Weights::scaled, scratch);
      add(Strided{scratch.panel, scratch.width}, first, last - first);
    }
  }
  return sums;
}

// Adds the ratings from begin to end; the first of them replace what is there if it is fresh.
static inline BorderSums accumulate_ratings(const RowProblem& problem, int64_t begin, int64_t end, bool is_fresh,
                                            Prefetcher& prefetcher, Scratch& scratch) {
  const int64_t step = scratch.panel_size;
  return for_each_gathered(problem, begin, end, step, problem.scattered, scratch, [&](auto panel, int64_t first, int64_t n) {
    add_ratings(problem, panel, n, is_fresh && first == begin, scratch, prefetcher, first + n + step);
  });
}

static inline BorderSums accumulate(const RowProblem& problem, int64_t row, Prefetcher& prefetcher,
                                    Scratch& scratch) {
  if (problem.parts) return add_parts(*problem.parts, scratch);
  BorderSums sums;
  if (problem.prior) sums = start_from_prior(problem, row, scratch);
  sums += accumulate_ratings(problem, problem.indptr[row], problem.indptr[row + 1], !problem.prior, prefetcher, scratch);
  return sums;
}

// Tries with ever larger ridges, from the smallest that single precision can see: without a ridge A may be singular.
constexpr int kFactorizations = 20;

// Adds the ridge to the diagonal and factorises; false if A is not positive definite with it.
static inline bool factorize(const RowProblem& problem, float ridge, Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t f = 0; f < width; ++f)
    scratch.A[f * width + f] += f < problem.n_factors ? ridge : 1.0f;
  return cholesky(scratch.A, width, scratch.inverse_diagonal, scratch.inverses);
}

static inline float trace(const RowProblem& problem, const Scratch& scratch) {
  // Four sums side by side, as each waits for its last addition.
  float sums[4] = {};
  for (int64_t f = 0; f < problem.n_factors; ++f) sums[f % 4] += scratch.A[f * scratch.width + f];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// One over the root of the smallest of the first n pivots of the factor.
static inline float largest_inverse(int64_t n, const Scratch& scratch) {
  Vec found = {};
  for (int64_t f = 0; f < n; f += kLanes) {
    const Vec inverses = load_first(scratch.inverse_diagonal + f, n - f < kLanes ? n - f : kLanes);
    found = inverses > found ? inverses : found;
  }
  float largest = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) largest = found[lane] > largest ? found[lane] : largest;
  return largest;
}

// An estimate of the condition number of a matrix of n rows: its trace over the smallest pivot of its factor.
static inline float condition(int64_t n, float trace, const Scratch& scratch) {
  const float largest = largest_inverse(n, scratch);
  return trace * largest * largest;
}

// The border of the factor and what it leaves for the bias.
struct Border {
  bool present;
  double pivot;
};

// Turns the forward solution in z into x, and returns the bias. With noise, width numbers and one for the bias, both
// are drawn: with A = UᵀU, U⁻¹ noise has the covariance A⁻¹.
static inline double solve_bordered(const Border& border, double bias_side, const float* noise, Scratch& scratch) {
  const int64_t width = scratch.width;
  double bias = 0;
  if (border.present) {
    bias = (bias_side - dot(scratch.w, scratch.z, width)) / border.pivot;
    if (noise) bias += noise[width] / __builtin_sqrt(border.pivot);
    for (int64_t f = 0; f < width; ++f) scratch.z[f] -= float(bias) * scratch.w[f];
  }
  for (int64_t f = 0; noise && f < width; ++f) scratch.z[f] += noise[f];
  solve_backward(scratch.A, width, scratch.inverses, scratch.z);
  return bias;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
