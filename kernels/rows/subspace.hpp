// Block coordinate descent from the last solution: iALS++ (Rendle, Krichene, Zhang & Koren 2021). A few factors at a
// time are solved exactly while the others are held: n k block + k block² / 3 flops. A block's part of A does not change from
// sweep to sweep, so that one pass over the ratings finds all of them; each block then takes a pass over its own factors and
// those of the block before. Where these passes would wait for memory, the first one makes the row's whole matrix instead.
#pragma once

#include "rows/descent.hpp"
#include "rows/row_matrix.hpp"
#include "rows/vector_products.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// A block of factors: columns first to first + size of the factors and of A.
struct Subspace {
  int64_t first, size;

  // Its part of A and, once that is factorised, of the inverses.
  float* matrix(const Scratch& scratch) const { return scratch.blocks + first * kSubspace; }
  float* inverses(const Scratch& scratch) const { return scratch.inverses + first * kBlock; }
};

static inline Subspace subspace_at(int64_t first, int64_t width) {
  return {first, first + kSubspace < width ? kSubspace : width - first};
}

// The part of a symmetric matrix of a block; of zeros if there is none.
static inline void copy_block(const float* matrix, int64_t width, Subspace block, float* to) {
  for (int64_t r = 0; r < block.size; ++r)
    for (int64_t c = 0; c < block.size; c += kLanes)
      store(to + r * block.size + c, matrix ? load(matrix + (block.first + r) * width + block.first + c) : Vec{});
}

// From a place on, out += a block of columns of a symmetric matrix, width × width, times as many numbers.
static inline void add_columns(const float* matrix, Subspace block, const float* x, int64_t from, int64_t width,
                               float* out) {
  for (int64_t f = 0; f < block.size; f += kLanes) {
    const float* rows[kLanes];
    for (int64_t r = 0; r < kLanes; ++r) rows[r] = matrix + (block.first + f + r) * width + from;
    add_rows(rows, load(x + f), width - from, out + from);
  }
}

// Where the descent begins: Σ c t², and the objective of x above it.
struct Beginning {
  double targets_squared, objective;
};

// What the ratings have to say of a block and of its change, by their factors. For each rating, scratch.predicted holds what
// it adds to the residual: c (t − xᵀy).
struct BlocksByRatings {
  const RowProblem& problem;
  int64_t begin, end;
  float ridge;
  float* prior_x;  // (prior + ridge·I) x
  Scratch& scratch;
  // The block that was solved last, whose change is still to be taken off the ratings' parts; of none at first.
  Subspace moved{0, 0};
  float change[kSubspace];

  // Finds the part of A of every block, c (t − xᵀy) of every rating and (prior + ridge·I) x.
  Beginning prepare() {
    const int64_t width = scratch.width;
    for (int64_t first = 0; first < width; first += kSubspace) {
      const Subspace block = subspace_at(first, width);
      copy_block(problem.prior, width, block, block.matrix(scratch));
    }
    multiply_prior(problem, ridge, scratch.x, width, prior_x);
    Beginning found{0, dot(scratch.x, prior_x, width)};
    // Whole registers of ratings, as the passes that follow take them.
    const int64_t step = scratch.panel_size / kLanes * kLanes;
    Prefetcher prefetcher{problem, begin, end};
    const auto add = [&](auto panel, int64_t first, int64_t n) {
      prefetcher.advance(step, first + n + step);
      for (int64_t column = 0; column < width; column += kSubspace) add_block(panel, subspace_at(column, width), n);
      predict(first, first + n, found);
    };
    for_each_gathered(problem, begin, end, step, problem.scattered, scratch, add);
    return found;
  }

  // What is left of b − A x in a block.
  void find_residual(Subspace block, float* residual) {
    for (int64_t f = 0; f < block.size; ++f) residual[f] = -prior_x[block.first + f];
    const RowFactors factors{problem, begin, end, scratch};
    for (int64_t first = begin; first < end; first += kLanes) {
      const int64_t n = first + kLanes < end ? kLanes : end - first;
      if (is_stopped(problem)) return;
      prefetch(first + kLanes, block);
      const float* rows[kLanes];
      float* place = scratch.predicted + (first - begin);
      Vec left = load(place);
      if (moved.size > 0) {
        find(factors, first, n, moved, rows);
        left -= factors.weigh(first, n).weights * multiply_rows(rows, change, moved.size);
        store(place, left);
      }
      find(factors, first, n, block, rows);
      add_rows(rows, left, block.size, residual);
    }
  }

  // Takes note of a change, which the next residual is to follow.
  void follow(Subspace block, const float* of_block, int64_t from) {
    for (int64_t f = 0; f < block.size; ++f) {
      change[f] = of_block[f];
      prior_x[block.first + f] += ridge * of_block[f];
    }
    moved = block;
    if (problem.prior) add_columns(problem.prior, block, of_block, from, scratch.width, prior_x);
  }

 private:
  template <class Panel>
  void add_block(Panel panel, Subspace block, int64_t n) const {
    const int64_t last = block.first + block.size;
    for (int64_t r = block.first; r < last; r += kTileRows)
      tile_row<kTileRows, Update::add>(Within<Panel>{panel, r}, n, r / kBlock * kBlock, last,
                                       block.matrix(scratch) + (r - block.first) * block.size - block.first, block.size);
  }

  void predict(int64_t from, int64_t to, Beginning& found) const {
    const RowFactors factors{problem, from, to, scratch};
    for (int64_t first = from; first < to; first += kLanes) {
      const int64_t n = first + kLanes < to ? kLanes : to - first;
      const float* rows[kLanes];
      factors.find(first, n, rows);
      const RatingWeights ratings = factors.weigh(first, n);
      const Vec predicted = multiply_rows(rows, scratch.x, scratch.width);
      const Vec left = ratings.weighted_targets - ratings.weights * predicted;
      store(scratch.predicted + (first - begin), left);
      found.targets_squared += sum_lanes(ratings.targets_squared);
      found.objective -= sum_lanes((ratings.weighted_targets + left) * predicted);
    }
  }

  // Asks for the factors that the next ratings have in a block and in the one that has moved.
  void prefetch(int64_t first, Subspace block) const {
    if (!wants_prefetch(problem)) return;
    const int64_t last = first + kLanes < end ? first + kLanes : end;
    for (int64_t rating = first; rating < last; ++rating) {
      const float* row = problem.fixed + int64_t(problem.columns[rating]) * problem.n_factors;
      for (int64_t f = 0; f < block.size; f += kBlock) __builtin_prefetch(row + block.first + f, 0, kFirstCache);
      for (int64_t f = 0; f < moved.size; f += kBlock) __builtin_prefetch(row + moved.first + f, 0, kFirstCache);
    }
  }

  // The factors of a block of n ratings: in place, or copied if they need padding or a sum.
  void find(const RowFactors& factors, int64_t first, int64_t n, Subspace block, const float** rows) const {
    if (!problem.second && block.first + block.size <= problem.n_factors)
      for (int64_t r = 0; r < kLanes; ++r)
        rows[r] = problem.fixed + int64_t(problem.columns[first + (r < n ? r : 0)]) * problem.n_factors + block.first;
    else {
      factors.find(first, n, rows);
      for (int64_t r = 0; r < kLanes; ++r) rows[r] += block.first;
    }
  }
};

// The same by A itself, in scratch.A, with b in the border.
struct BlocksByMatrix {
  const RowProblem& problem;
  int64_t begin, end;
  float ridge;
  float* A_x;  // (A + ridge·I) x
  Scratch& scratch;

  Beginning prepare() {
    const int64_t width = scratch.width;
    const double targets_squared = accumulate_matrix(problem, begin, end, scratch);
    multiply_symmetric(scratch.A, problem.n_factors, ridge, scratch.x, width, A_x);
    for (int64_t first = 0; first < width; first += kSubspace) {
      const Subspace block = subspace_at(first, width);
      copy_block(scratch.A, width, block, block.matrix(scratch));
    }
    return {targets_squared, dot(scratch.x, A_x, width) - 2 * dot(scratch.x, scratch.border, width)};
  }

  void find_residual(Subspace block, float* residual) const {
    for (int64_t f = 0; f < block.size; ++f) residual[f] = scratch.border[block.first + f] - A_x[block.first + f];
  }

  void follow(Subspace block, const float* change, int64_t from) const {
    for (int64_t f = 0; f < block.size; ++f) A_x[block.first + f] += ridge * change[f];
    add_columns(scratch.A, block, change, from, scratch.width, A_x);
  }
};

// Factorises the part of A of every block; false if one is not positive definite.
static inline bool factorize_blocks(const RowProblem& problem, float ridge, Descent& descent, Scratch& scratch) {
  const int64_t width = scratch.width;
  double trace = 0;
  for (int64_t first = 0; first < width; first += kSubspace) {
    const Subspace block = subspace_at(first, width);
    for (int64_t f = 0; f < block.size; ++f) {
      float* diagonal = block.matrix(scratch) + f * block.size + f;
      *diagonal += first + f < problem.n_factors ? ridge : 1.0f;
      if (first + f < problem.n_factors) trace += *diagonal;
    }
  }
  bool solved = true;
  for (int64_t first = 0; first < width; first += kSubspace) {
    const Subspace block = subspace_at(first, width);
    solved &= cholesky(block.matrix(scratch), block.size, scratch.inverse_diagonal + first, block.inverses(scratch));
  }
  const double inverse = largest_inverse(problem.n_factors, scratch);
  descent.notice(trace, solved ? 1 / (inverse * inverse) : 0);
  return solved;
}

// Improves scratch.x in place by n_steps sweeps over all blocks.
template <class Blocks>
static inline Descent descend_by_blocks(const RowProblem& problem, Blocks blocks, Scratch& scratch) {
  const int64_t width = scratch.width;
  const Beginning beginning = blocks.prepare();
  Descent descent{beginning.targets_squared, beginning.targets_squared + beginning.objective, 0, __builtin_inf()};
  if (!factorize_blocks(problem, blocks.ridge, descent, scratch)) {
    descent.objective = __builtin_inf();  // single precision has no answer
    return descent;
  }
  for (int64_t step = 0; step < problem.n_steps; ++step)
    for (int64_t first = 0; first < width && !is_stopped(problem); first += kSubspace) {
      const Subspace block = subspace_at(first, width);
      float residual[kSubspace], change[kSubspace];
      blocks.find_residual(block, residual);
      for (int64_t f = 0; f < block.size; ++f) change[f] = residual[f];
      solve_forward<1>(block.matrix(scratch), block.size, block.inverses(scratch), {change});
      solve_backward(block.matrix(scratch), block.size, block.inverses(scratch), change);
      for (int64_t f = 0; f < block.size; ++f) scratch.x[first + f] += change[f];
      // The change times the residual is how much lower the minimum over the block lies.
      descent.objective -= dot(change, residual, block.size);
      // After the last sweep nobody asks for what is left of the blocks before.
      blocks.follow(block, change, step + 1 < problem.n_steps ? 0 : first + block.size);
    }
  return descent;
}

static inline Descent subspace_descent(const RowProblem& problem, int64_t begin, int64_t end, float ridge,
                                      Scratch& scratch) {
  // The pass of a block waits twice: for its own factors and for those of the block before.
  const int64_t n_blocks = (scratch.width + kSubspace - 1) / kSubspace;
  if (wants_matrix(problem, end - begin, scratch.width, 2 * n_blocks * problem.n_steps))
    return descend_by_blocks(problem, BlocksByMatrix{problem, begin, end, ridge, scratch.z, scratch}, scratch);
  return descend_by_blocks(problem, BlocksByRatings{problem, begin, end, ridge, scratch.z, scratch, {0, 0}, {}}, scratch);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
