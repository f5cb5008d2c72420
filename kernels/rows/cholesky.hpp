// A = UᵀU for one symmetric positive definite matrix, in place, upper triangle by rows, size whole
// blocks; and the two triangular solves. Left-looking: the update of a block row is the same register tile
// that accumulates the normal equations.
#pragma once

#include "rows/tiles.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// Factorises the block on the diagonal; false where a pivot is not positive.
static inline bool factor_diagonal_block(float* block, int64_t stride, float* inverse_diagonal) {
  Vec rows[kBlock][kBlockVecs];
#pragma GCC unroll 16
  for (int64_t r = 0; r < kBlock; ++r)
#pragma GCC unroll 4
    for (int64_t v = 0; v < kBlockVecs; ++v) rows[r][v] = load(block + r * stride + v * kLanes);
  bool positive = true;
#pragma GCC unroll 16
  for (int64_t r = 0; r < kBlock; ++r) {
    const float pivot = rows[r][r / kLanes][r % kLanes];
    positive &= pivot > 0.0f;
    // The rows below need 1 / pivot alone: the square root stays off the chain from pivot to pivot.
    const float inverse_pivot = 1.0f / pivot;
    const float inverse = __builtin_sqrtf(inverse_pivot);
    inverse_diagonal[r] = inverse;
    float unscaled[kBlock];
#pragma GCC unroll 4
    for (int64_t v = r / kLanes; v < kBlockVecs; ++v) {
      store(unscaled + v * kLanes, rows[r][v]);
      store(block + r * stride + v * kLanes, rows[r][v] * inverse);
      rows[r][v] *= inverse_pivot;
    }
#pragma GCC unroll 16
    for (int64_t q = r + 1; q < kBlock; ++q)
#pragma GCC unroll 4
      for (int64_t v = q / kLanes; v < kBlockVecs; ++v) rows[q][v] -= unscaled[q] * rows[r][v];
  }
  return positive;
}

// Solves the rest of a block row against the factorised diagonal block, one vector of columns at a time.
static inline void solve_block_row(const float* diagonal_block, const float* inverse_diagonal, float* columns,
                                   int64_t stride) {
  Vec rows[kBlock];
#pragma GCC unroll 16
  for (int64_t r = 0; r < kBlock; ++r) rows[r] = load(columns + r * stride);
#pragma GCC unroll 16
  for (int64_t r = 0; r < kBlock; ++r) {
    rows[r] *= inverse_diagonal[r];
    const float* factors = diagonal_block + r * stride;
#pragma GCC unroll 16
    for (int64_t q = r + 1; q < kBlock; ++q) rows[q] -= factors[q] * rows[r];
    store(columns + r * stride, rows[r]);
  }
}

// inverse = the inverse of the diagonal block of Uᵀ: the same solve against the identity, without its zeros.
static inline void invert_diagonal_block(const float* diagonal_block, int64_t stride,
                                         const float* inverse_diagonal, float* inverse) {
  Vec rows[kBlock][kBlockVecs] = {};
#pragma GCC unroll 16
  for (int64_t r = 0; r < kBlock; ++r) {
    rows[r][r / kLanes][r % kLanes] = 1.0f;
    const float* factors = diagonal_block + r * stride;
#pragma GCC unroll 4
    for (int64_t v = 0; v < kBlockVecs; ++v) {
      if (v <= r / kLanes) rows[r][v] *= inverse_diagonal[r];
      store(inverse + r * kBlock + v * kLanes, rows[r][v]);
    }
#pragma GCC unroll 16
    for (int64_t q = r + 1; q < kBlock; ++q)
#pragma GCC unroll 4
      for (int64_t v = 0; v <= r / kLanes; ++v) rows[q][v] -= factors[q] * rows[r][v];
  }
}

// `inverses` takes the inverse of each diagonal block of Uᵀ, size × kBlock: with them the triangular solves
// are products, without a chain of dependent divisions.
static inline bool cholesky(float* A, int64_t size, float* inverse_diagonal, float* inverses) {
  for (int64_t first = 0; first < size; first += kBlock) {
    if (first > 0)
      for (int64_t r = first; r < first + kBlock; r += kTileRows)
        tile_row<kTileRows, Update::subtract>(Within<Strided>{{A, size}, r}, first, first, size, A + r * size, size);
    float* diagonal_block = A + first * size + first;
    if (!factor_diagonal_block(diagonal_block, size, inverse_diagonal + first)) return false;
    invert_diagonal_block(diagonal_block, size, inverse_diagonal + first, inverses + first * kBlock);
    for (int64_t column = first + kBlock; column < size; column += kLanes)
      solve_block_row(diagonal_block, inverse_diagonal + first, A + first * size + column, size);
  }
  return true;
}

// out = inverse · in for one block: its dot products are summed across lanes together.
static inline void multiply_block(const float* inverse, const float* in, float* out) {
  Vec given[kBlockVecs];
  for (int64_t v = 0; v < kBlockVecs; ++v) given[v] = load(in + v * kLanes);
  Vec solved[kBlockVecs];
  for (int64_t part = 0; part < kBlockVecs; ++part) {
    Vec rows[kLanes];
#pragma GCC unroll 16
    for (int64_t r = 0; r < kLanes; ++r) {
      const float* row = inverse + (part * kLanes + r) * kBlock;
      rows[r] = load(row) * given[0];
#pragma GCC unroll 4
      for (int64_t v = 1; v < kBlockVecs; ++v) rows[r] += load(row + v * kLanes) * given[v];
    }
    solved[part] = sum_rows(rows);
  }
  for (int64_t v = 0; v < kBlockVecs; ++v) store(out + v * kLanes, solved[v]);
}

// out = inverseᵀ · in for one block.
static inline void multiply_block_transposed(const float* inverse, const float* in, float* out) {
  for (int64_t v = 0; v < kBlockVecs; ++v) {
    Vec even = {}, odd = {};
#pragma GCC unroll 16
    for (int64_t r = 0; r < kBlock; r += 2) {
      even += in[r] * load(inverse + r * kBlock + v * kLanes);
      odd += in[r + 1] * load(inverse + (r + 1) * kBlock + v * kLanes);
    }
    store(out + v * kLanes, even + odd);
  }
}

// Uᵀ z = b in place, for each of the columns z.
template <int64_t Columns>
static inline void solve_forward(const float* U, int64_t size, const float* inverses, float* const (&columns)[Columns]) {
  for (int64_t first = 0; first < size; first += kBlock) {
    Vec even[Columns][kBlockVecs], odd[Columns][kBlockVecs] = {};
    for (int64_t c = 0; c < Columns; ++c)
      for (int64_t v = 0; v < kBlockVecs; ++v) even[c][v] = load(columns[c] + first + v * kLanes);
    for (int64_t p = 0; p < first; p += 2)
      for (int64_t v = 0; v < kBlockVecs; ++v) {
        const Vec factors = load(U + p * size + first + v * kLanes);
        const Vec more_factors = load(U + (p + 1) * size + first + v * kLanes);
        for (int64_t c = 0; c < Columns; ++c) {
          even[c][v] -= columns[c][p] * factors;
          odd[c][v] -= columns[c][p + 1] * more_factors;
        }
      }
    for (int64_t c = 0; c < Columns; ++c) {
      float left[kBlock];
      for (int64_t v = 0; v < kBlockVecs; ++v) store(left + v * kLanes, even[c][v] + odd[c][v]);
      multiply_block(inverses + first * kBlock, left, columns[c] + first);
    }
  }
}

// U x = z, in place.
static inline void solve_backward(const float* U, int64_t size, const float* inverses, float* x) {
  for (int64_t first = size - kBlock; first >= 0; first -= kBlock) {
    float left[kBlock];
    for (int64_t part = 0; part < kBlockVecs; ++part) {
      Vec rows[kLanes] = {};
      const float* U_rows = U + (first + part * kLanes) * size;
      for (int64_t column = first + kBlock; column < size; column += kLanes) {
        const Vec solved = load(x + column);
#pragma GCC unroll 16
        for (int64_t r = 0; r < kLanes; ++r) rows[r] += load(U_rows + r * size + column) * solved;
      }
      const int64_t place = part * kLanes;
      store(left + place, load(x + first + place) - sum_rows(rows));
    }
    multiply_block_transposed(inverses + first * kBlock, left, x + first);
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
