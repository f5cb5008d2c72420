// Register tiles: out (op) leftᵀ · right over a depth of panel rows. The one inner loop of the library.
#pragma once

#include "levels/simd.hpp"

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
static_assert(kBlock % kTileRows == 0, "a block row of A is accumulated in whole tiles");

template <int64_t Rows, int64_t Vecs>
static inline void add_outer_product(const float* left, const float* right, Vec (*sums)[Vecs]) {
  Vec loaded[Vecs];
  for (int64_t v = 0; v < Vecs; ++v) loaded[v] = load(right + v * kLanes);
  for (int64_t r = 0; r < Rows; ++r)
    for (int64_t v = 0; v < Vecs; ++v) sums[r][v] += left[r] * loaded[v];
}

// Where the rows of a panel are: Strided, one behind the other, or Scattered, each at a place of its own.
struct Strided {
  const float* start;
  int64_t stride;
  const float* operator[](int64_t p) const { return start + p * stride; }
};

struct Scattered {
  const float* const* rows;
  const float* operator[](int64_t p) const { return rows[p]; }
};

// What a tile multiplies: Within, columns of a panel with other columns of it; Beside, a narrow panel with a wide one.
template <class Panel>
struct Within {
  Panel panel;
  int64_t left_column;
  template <class Add>
  void at(int64_t p, int64_t right_column, Add add) const {
    const float* row = panel[p];
    add(row + left_column, row + right_column);
  }
};

template <class Panel>
struct Beside {
  Strided side;
  Panel panel;
  template <class Add>
  void at(int64_t p, int64_t right_column, Add add) const {
    add(side[p], panel[p] + right_column);
  }
};

template <int64_t Rows, int64_t Vecs, Update update, class Factors>
static inline void tile(Factors factors, int64_t column, int64_t depth, float* out, int64_t out_stride) {
  // A tile of few accumulators takes several ratings at once, to keep eight chains in flight.
  constexpr int64_t chains = Rows * Vecs >= 8 ? 1 : 8 / (Rows * Vecs);
  Vec sums[Rows * chains][Vecs];
  for (int64_t r = 0; r < Rows * chains; ++r)
    for (int64_t v = 0; v < Vecs; ++v) sums[r][v] = Vec{};
  int64_t p = 0;
  for (; p + chains <= depth; p += chains)
    for (int64_t chain = 0; chain < chains; ++chain)
      factors.at(p + chain, column, [&](const float* left, const float* right) {
        add_outer_product<Rows, Vecs>(left, right, sums + chain * Rows);
      });
  for (; chains > 1 && p < depth; ++p)
    factors.at(p, column, [&](const float* left, const float* right) {
      add_outer_product<Rows, Vecs>(left, right, sums);
    });
  for (int64_t r = 0; r < Rows; ++r)
    for (int64_t v = 0; v < Vecs; ++v) {
      Vec sum = sums[r][v];
      for (int64_t chain = 1; chain < chains; ++chain) sum += sums[chain * Rows + r][v];
      float* place = out + r * out_stride + v * kLanes;
      if (update == Update::assign) store(place, sum);
      if (update == Update::add) store(place, load(place) + sum);
      if (update == Update::subtract) store(place, load(place) - sum);
    }
}

// Rows of leftᵀ · right, columns from first_column to width.
template <int64_t Rows, Update update, class Factors>
static inline void tile_row(Factors factors, int64_t depth, int64_t first_column, int64_t width, float* out,
                            int64_t out_stride) {
  constexpr int64_t step = kTileVecs * kLanes;
  int64_t column = first_column;
  for (; column + step <= width; column += step)
    tile<Rows, kTileVecs, update>(factors, column, depth, out + column, out_stride);
  for (; column < width; column += kLanes)
    tile<Rows, 1, update>(factors, column, depth, out + column, out_stride);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
