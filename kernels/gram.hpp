// The Gram matrix of a side, FᵀF, in double precision.
#pragma once

#include "levels/simd.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

constexpr int64_t kGramTile = 4;  // rows of a tile of 4 × 2 registers, which any level has
static_assert(kBlock % kGramTile == 0 && kBlock % kLanes == 0, "a block of the Gram matrix is computed in whole tiles");
static_assert(kGramRows > 0, "the Gram matrix takes at least one row of factors at a time");

// gram += FᵀF over n rows of F, upper triangle by tiles of four rows. gram is width × width, width the padded
// rank; panel has room for kGramRows × width doubles.
static inline void add_gram(const float* factors, int64_t n_rows, int64_t n_factors, int64_t width, double* panel,
                            double* gram) {
  typedef double DoubleVec __attribute__((vector_size(MATINEE_LANES * 4)));
  typedef double LooseDoubleVec __attribute__((vector_size(MATINEE_LANES * 4), aligned(8), may_alias));
  constexpr int64_t lanes = kLanes / 2;
  for (int64_t first = 0; first < n_rows; first += kGramRows) {
    const int64_t n = first + kGramRows < n_rows ? kGramRows : n_rows - first;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t f = 0; f < width; ++f)
        panel[p * width + f] = f < n_factors ? double(factors[(first + p) * n_factors + f]) : 0.0;
    for (int64_t r = 0; r < width; r += kGramTile)
      for (int64_t c = r / kBlock * kBlock; c < width; c += 2 * lanes) {
        DoubleVec sums[kGramTile][2] = {};
        for (int64_t p = 0; p < n; ++p) {
          const double* row = panel + p * width;
          const DoubleVec left = *reinterpret_cast<const LooseDoubleVec*>(row + c);
          const DoubleVec right = *reinterpret_cast<const LooseDoubleVec*>(row + c + lanes);
          for (int64_t q = 0; q < kGramTile; ++q) {
            sums[q][0] += row[r + q] * left;
            sums[q][1] += row[r + q] * right;
          }
        }
        for (int64_t q = 0; q < kGramTile; ++q) {
          *reinterpret_cast<LooseDoubleVec*>(gram + (r + q) * width + c) += sums[q][0];
          *reinterpret_cast<LooseDoubleVec*>(gram + (r + q) * width + c + lanes) += sums[q][1];
        }
      }
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
