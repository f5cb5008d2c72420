// Register tiles: out (op) leftᵀ · right over a depth of panel rows. The one inner loop of the library.
#pragma once

#include "simd.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

enum class Update { assign, add, subtract };

// 16 accumulators hide the latency of two fused multiply-adds a cycle and, with the two loaded vectors and
// a broadcast, fit 32 registers; AVX2 and SSE have 16 registers and take 8.
#if MATINEE_LANES == 16 || defined(__aarch64__)
constexpr int64_t kTileRows = 8;
#else
constexpr int64_t kTileRows = 4;
#endif
constexpr int64_t kTileVecs = 2;

template <int64_t Rows, int64_t Vecs>
static inline void add_outer_product(const float* left, const float* right, Vec (&sums)[Rows][Vecs]) {
  Vec loaded[Vecs];
  for (int64_t v = 0; v < Vecs; ++v) loaded[v] = load(right + v * kLanes);
  for (int64_t r = 0; r < Rows; ++r)
    for (int64_t v = 0; v < Vecs; ++v) sums[r][v] += left[r] * loaded[v];
}

template <int64_t Rows, int64_t Vecs, Update update>
static inline void tile(const float* left, int64_t left_stride, const float* right, int64_t right_stride,
                        int64_t depth, float* out, int64_t out_stride) {
  // A tile of few accumulators takes several ratings at once, to keep eight chains in flight.
  constexpr int64_t chains = Rows * Vecs >= 8 ? 1 : 8 / (Rows * Vecs);
  Vec chained[chains][Rows][Vecs] = {};
  int64_t p = 0;
  for (; p + chains <= depth; p += chains)
    for (int64_t chain = 0; chain < chains; ++chain) {
      add_outer_product<Rows, Vecs>(left, right, chained[chain]);
      left += left_stride;
      right += right_stride;
    }
  for (; p < depth; ++p) {
    add_outer_product<Rows, Vecs>(left, right, chained[0]);
    left += left_stride;
    right += right_stride;
  }
  Vec(&sums)[Rows][Vecs] = chained[0];
  for (int64_t chain = 1; chain < chains; ++chain)
    for (int64_t r = 0; r < Rows; ++r)
      for (int64_t v = 0; v < Vecs; ++v) sums[r][v] += chained[chain][r][v];
  for (int64_t r = 0; r < Rows; ++r)
    for (int64_t v = 0; v < Vecs; ++v) {
      float* place = out + r * out_stride + v * kLanes;
      if (update == Update::assign) store(place, sums[r][v]);
      if (update == Update::add) store(place, load(place) + sums[r][v]);
      if (update == Update::subtract) store(place, load(place) - sums[r][v]);
    }
}

// Rows r0 … r0 + Rows of leftᵀ · right, columns from first_column to width.
template <int64_t Rows, Update update>
static inline void tile_row(const float* left, int64_t left_stride, const float* right, int64_t right_stride,
                            int64_t depth, int64_t first_column, int64_t width, float* out,
                            int64_t out_stride) {
  constexpr int64_t step = kTileVecs * kLanes;
  int64_t column = first_column;
  for (; column + step <= width; column += step)
    tile<Rows, kTileVecs, update>(left, left_stride, right + column, right_stride, depth, out + column,
                                  out_stride);
  for (; column < width; column += kLanes)
    tile<Rows, 1, update>(left, left_stride, right + column, right_stride, depth, out + column, out_stride);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
