// Block coordinate descent from the last solution: iALS++ (Rendle, Krichene, Zhang & Koren 2021). A few factors at a
// time are solved exactly while the others are held: n k block + k block² / 3 flops a sweep. Where its passes over the ratings
// would wait for memory, one pass makes the row's matrix, and the sweeps take that.
#pragma once

#include "rows/descent.hpp"
#include "rows/row_matrix.hpp"
#include "rows/vector_products.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// Factors of a block of the descent: with more of them there are fewer passes over the ratings and more flops.
constexpr int64_t kSubspace = 32;
static_assert(kSubspace % kBlock == 0, "a subspace is factorised in whole blocks");

// Computes b into out and returns the sums of the targets. A row of one panel is in the panel afterwards.
static inline BorderSums gather_right_side(const RowProblem& problem, int64_t begin, int64_t end, float* out,
                                           Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t f = 0; f < width; ++f) out[f] = 0.0f;
  BorderSums sums;
  for (int64_t first = begin; first < end; first += scratch.panel_size) {
    const int64_t last = first + scratch.panel_size < end ? first + scratch.panel_size : end;
    sums.targets_squared += gather(problem, first, last, Weights::scaled, scratch).targets_squared;
    add_weighted_panel(scratch.panel, width, width, scratch.side, 2, last - first, out);
  }
  return sums;
}

// The objective of x above Σ c t²: xᵀA x − 2 bᵀx = −xᵀ(b + residual).
static inline double objective_above(const float* x, const float* b, const float* residual, int64_t n) {
  return -dot(x, b, n) - dot(x, residual, n);
}

// A block of factors: columns first to first + size of the panels and of A.
struct Subspace {
  int64_t first, size;
};

// Of the sweeps, what depends on the ratings: by their factors, which every block reads twice.
struct BlocksByRatings {
  const RowProblem& problem;
  int64_t begin, end;
  float ridge;
  float* prior_x;  // (prior + ridge·I) x
  Scratch& scratch;

  // Where the part of A of a block is put.
  float* matrix() const { return scratch.A; }

  // Computes b, the predictions and (prior + ridge·I) x, and returns Σ c t².
  double prepare() const {
    const double targets_squared = gather_right_side(problem, begin, end, scratch.border, scratch).targets_squared;
    multiply_prior(problem, ridge, scratch.x, scratch.width, prior_x);
    for_each_panel(problem, begin, end, Weights::scaled, scratch, [&](int64_t start, int64_t n) {
      predict_panel(scratch.panel, scratch.width, scratch.width, scratch.x, n, scratch.predicted + start);
    });
    return targets_squared;
  }

  // Computes the block's part of A, and minus its part of the residual into `left`, from the panels and the predictions.
  void accumulate(Subspace block, float* left) const {
    const int64_t width = scratch.width, first = block.first, size = block.size;
    float* A = matrix();
    for (int64_t r = 0; r < size; ++r) {
      for (int64_t c = 0; c < size; ++c)
        A[r * size + c] = problem.prior ? problem.prior[(first + r) * width + first + c] : 0.0f;
      A[r * size + r] += first + r < problem.n_factors ? ridge : 1.0f;
      left[r] = prior_x[first + r] - scratch.border[first + r];
    }
    for_each_panel(problem, begin, end, Weights::scaled, scratch, [&](int64_t start, int64_t n) {
      const float* panel = scratch.panel + first;
      for (int64_t r = 0; r < size; r += kTileRows)
        tile_row<kTileRows, Update::add>(Within<Strided>{{panel, width}, r}, n, r / kBlock * kBlock, size,
                                         A + r * size, size);
      add_weighted_panel(panel, width, size, scratch.predicted + start, 1, n, left);
    });
  }

  // Adds the change of a block of x to every prediction, and to (prior + ridge·I) x.
  void follow(Subspace block, const float* change) const {
    const int64_t width = scratch.width, first = block.first, size = block.size;
    for (int64_t f = 0; f < size; ++f) {
      prior_x[first + f] += ridge * change[f];
      for (int64_t g = 0; problem.prior && g < width; g += kLanes)
        store(prior_x + g, load(prior_x + g) + change[f] * load(problem.prior + (first + f) * width + g));
    }
    for_each_panel(problem, begin, end, Weights::scaled, scratch, [&](int64_t start, int64_t n) {
      float* predicted = scratch.predicted + start;
      float* moved = scratch.moved;
      predict_panel(scratch.panel + first, width, size, change, n, moved);
      for (int64_t p = 0; p < n; ++p) predicted[p] += moved[p];
    });
  }

  void find_residual(float* residual) const {
    const int64_t width = scratch.width;
    for (int64_t f = 0; f < width; ++f) residual[f] = prior_x[f];
    for_each_panel(problem, begin, end, Weights::scaled, scratch, [&](int64_t start, int64_t n) {
      add_weighted_panel(scratch.panel, width, width, scratch.predicted + start, 1, n, residual);
    });
    for (int64_t f = 0; f < width; ++f) residual[f] = scratch.border[f] - residual[f];
  }
};

// The same by A itself, in scratch.A, with b in the border.
struct BlocksByMatrix {
  const RowProblem& problem;
  int64_t begin, end;
  float ridge;
  float* A_x;  // (A + ridge·I) x
  float* of_block;
  Scratch& scratch;

  float* matrix() const { return of_block; }

  double prepare() const {
    const double targets_squared = accumulate_matrix(problem, begin, end, scratch);
    multiply_symmetric(scratch.A, problem.n_factors, ridge, scratch.x, scratch.width, A_x);
    return targets_squared;
  }

  void accumulate(Subspace block, float* left) const {
    const int64_t first = block.first, size = block.size;
    for (int64_t r = 0; r < size; ++r) {
      for (int64_t c = 0; c < size; ++c) of_block[r * size + c] = scratch.A[(first + r) * scratch.width + first + c];
      of_block[r * size + r] += first + r < problem.n_factors ? ridge : 1.0f;
      left[r] = A_x[first + r] - scratch.border[first + r];
    }
  }

  void follow(Subspace block, const float* change) const {
    const int64_t width = scratch.width, first = block.first;
    for (int64_t f = 0; f < block.size; ++f) {
      A_x[first + f] += ridge * change[f];
      for (int64_t g = 0; g < width; g += kLanes)
        store(A_x + g, load(A_x + g) + change[f] * load(scratch.A + (first + f) * width + g));
    }
  }

  void find_residual(float* residual) const {
    const int64_t width = scratch.width;
    multiply_symmetric(scratch.A, problem.n_factors, ridge, scratch.x, width, residual);
    for (int64_t f = 0; f < width; ++f) residual[f] = scratch.border[f] - residual[f];
  }
};

// Improves scratch.x in place by n_steps sweeps over all blocks.
template <class Blocks>
static inline Descent descend_by_blocks(const RowProblem& problem, const Blocks& blocks, Scratch& scratch) {
  const int64_t width = scratch.width;
  float *A = blocks.matrix(), *residual = scratch.w;
  Descent descent{blocks.prepare(), 0, 0, __builtin_inf()};
  for (int64_t step = 0; step < problem.n_steps && !is_stopped(problem); ++step) {
    double trace = 0;
    for (int64_t first = 0; first < width; first += kSubspace) {
      const Subspace block{first, first + kSubspace < width ? kSubspace : width - first};
      float change[kSubspace];
      blocks.accumulate(block, change);
      const int64_t n = first + block.size < problem.n_factors ? block.size : problem.n_factors - first;
      for (int64_t f = 0; f < n; ++f) trace += A[f * block.size + f];
      const bool solved = cholesky(A, block.size, scratch.inverse_diagonal, scratch.inverses);
      const double inverse = largest_inverse(n, scratch);
      descent.notice(trace, solved ? 1 / (inverse * inverse) : 0);
      if (!solved) continue;
      for (int64_t f = 0; f < block.size; ++f) change[f] = -change[f];
      solve_forward<1>(A, block.size, scratch.inverses, {change});
      solve_backward(A, block.size, scratch.inverses, change);
      for (int64_t f = 0; f < block.size; ++f) scratch.x[first + f] += change[f];
      blocks.follow(block, change);
    }
  }
  blocks.find_residual(residual);
  descent.objective = descent.targets_squared + objective_above(scratch.x, scratch.border, residual, width);
  return descent;
}

static inline Descent subspace_descent(const RowProblem& problem, int64_t begin, int64_t end, float ridge,
                                      Scratch& scratch) {
  // Each block is passed over twice in a sweep, and two passes more come before the first and after the last.
  const int64_t n_blocks = (scratch.width + kSubspace - 1) / kSubspace;
  if (!wants_matrix(problem, end - begin, scratch.width, 2 * n_blocks * problem.n_steps + 2))
    return descend_by_blocks(problem, BlocksByRatings{problem, begin, end, ridge, scratch.z, scratch}, scratch);
  alignas(kCacheLine) float of_block[kSubspace * kSubspace];
  return descend_by_blocks(problem, BlocksByMatrix{problem, begin, end, ridge, scratch.z, of_block, scratch}, scratch);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
