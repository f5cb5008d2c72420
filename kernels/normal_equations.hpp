// A and b of one row, accumulated, factorised and solved.
#pragma once

#include "cholesky.hpp"
#include "gather.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

template <Update update>
static inline void add_panel(int64_t depth, Scratch& scratch, Prefetcher& prefetcher) {
  const int64_t width = scratch.width;
  const int64_t share = (scratch.panel_size * kTileRows + width - 1) / width;
  for (int64_t r = 0; r < width; r += kTileRows) {
    prefetcher.advance(share);
    tile_row<kTileRows, update>(scratch.panel + r, width, scratch.panel, width, depth, r / kBlock * kBlock,
                                width, scratch.A + r * width, width);
  }
}

static inline void start_from_prior(const RowProblem& problem, Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t r = 0; r < width; ++r)
    for (int64_t c = r / kBlock * kBlock; c < width; c += kLanes)
      store(scratch.A + r * width + c, load(problem.prior + r * width + c));
}

static inline BorderSums accumulate(const RowProblem& problem, int64_t begin, int64_t end, int64_t chunk_end,
                                    Scratch& scratch) {
  BorderSums sums;
  if (problem.prior) start_from_prior(problem, scratch);
  for (int64_t first = begin; first < end; first += scratch.panel_size) {
    const int64_t last = first + scratch.panel_size < end ? first + scratch.panel_size : end;
    const BorderSums part = gather(problem, first, last, Weights::scaled, scratch);
    sums.targets_squared += part.targets_squared;
    sums.targets += part.targets;
    sums.ones += part.ones;
    const int64_t ahead = last + scratch.panel_size < chunk_end ? last + scratch.panel_size : chunk_end;
    Prefetcher prefetcher{problem, last, ahead};
    if (first == begin && !problem.prior)
      add_panel<Update::assign>(last - first, scratch, prefetcher);
    else
      add_panel<Update::add>(last - first, scratch, prefetcher);
    if (first == begin)
      tile_row<2, Update::assign>(scratch.side, 2, scratch.panel, scratch.width, last - first, 0, scratch.width,
                                  scratch.border, scratch.width);
    else
      tile_row<2, Update::add>(scratch.side, 2, scratch.panel, scratch.width, last - first, 0, scratch.width,
                               scratch.border, scratch.width);
  }
  return sums;
}

// Adds the ridge to the diagonal and factorises. A plain least squares (ridge 0) may be singular: false then
// asks for another try with the smallest ridge that single precision can see, and so on upwards.
constexpr int kFactorizations = 20;
static inline bool factorize(const RowProblem& problem, float ridge, Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t f = 0; f < width; ++f)
    scratch.A[f * width + f] += f < problem.n_factors ? ridge : 1.0f;
  return cholesky(scratch.A, width, scratch.inverse_diagonal, scratch.inverses);
}

static inline float trace(const RowProblem& problem, const Scratch& scratch) {
  float sum = 0;
  for (int64_t f = 0; f < problem.n_factors; ++f) sum += scratch.A[f * scratch.width + f];
  return sum;
}

// About A's condition number, from what the factorisation leaves: trace over smallest pivot.
static inline float condition(const RowProblem& problem, float trace, const Scratch& scratch) {
  float largest = 0;
  for (int64_t f = 0; f < problem.n_factors; ++f) {
    const float inverse = scratch.inverse_diagonal[f];
    largest = inverse > largest ? inverse : largest;
  }
  return trace * largest * largest;
}

// The border of the factor and what it leaves for the bias.
struct Border {
  bool present;
  double pivot;
};

static inline double solve_bordered(const Border& border, double bias_side, Scratch& scratch) {
  double bias = 0;
  if (border.present) {
    bias = (bias_side - dot(scratch.w, scratch.z, scratch.width)) / border.pivot;
    for (int64_t f = 0; f < scratch.width; ++f) scratch.z[f] -= float(bias) * scratch.w[f];
  }
  solve_backward(scratch.A, scratch.width, scratch.inverses, scratch.z);
  return bias;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
