// The memory that one thread works in: taken once, before the loops.
#pragma once

#include "levels/simd.hpp"
#include "problems/row_problem.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// A panel of factors of 16 KiB, half of the smallest first-level cache: used in place they fall where they will
// in it. Deep enough to pay for loading and storing the tiles of A once.
static inline int64_t panel_rows(int64_t width) {
  const int64_t rows = 4096 / width;
  return rows < 32 ? 32 : rows > 256 ? 256 : rows;
}

// The most ratings of a row that is solved by its ratings, where that saves more than it costs.
static inline int64_t longest_short_row(int64_t width) { return width * 3 / 4; }

static inline int64_t panel_places(int64_t width) {
  const int64_t rows = panel_rows(width) > longest_short_row(width) ? panel_rows(width) : longest_short_row(width);
  return round_up(rows, kBlock);
}

struct Scratch {
  int64_t width;            // n_factors rounded up to a block
  int64_t panel_size;       // ratings a panel holds
  float* panel;             // panel_size × width: √c · y
  const float** rows;       // panel_size: where the factors are, if they are used in place
  float* side;              // panel_size × 2: √c · t, √c
  float* moved;             // panel_size
  float* predicted;         // the longest row
  float* A;                 // width × width
  float* border;            // 2 × width: b, then Σ c y
  float* inverses;          // width × 16: the inverse of each diagonal block of Uᵀ
  float* inverse_diagonal;  // width
  float* z;                 // width
  float* w;                 // width: the border of the factor
  float* x;                 // width
  // In double precision, the bias behind the factors: width + 16.
  double* precise_x;
  double* residual;
  double* direction;
  double* product;

  static int64_t bytes(int64_t n_factors, int64_t longest_row) {
    const int64_t width = round_up(n_factors, kBlock);
    const int64_t rows = panel_places(width);
    const int64_t floats = rows * (width + 5) + round_up(longest_row, kBlock) + width * width + (6 + kBlock) * width;
    return floats * 4 + 4 * (width + kBlock) * 8;
  }

  Scratch(int64_t n_factors, int64_t longest_row, void* memory)
      : width(round_up(n_factors, kBlock)), panel_size(panel_rows(width)) {
    float* next = static_cast<float*>(memory);
    auto take = [&next](int64_t n) {
      float* taken = next;
      next += n;
      return taken;
    };
    const int64_t places = panel_places(width);
    panel = take(places * width);
    side = take(2 * places);
    rows = reinterpret_cast<const float**>(take(2 * places));
    moved = take(places);
    predicted = take(round_up(longest_row, kBlock));
    A = take(width * width);
    border = take(2 * width);
    inverses = take(width * kBlock);
    inverse_diagonal = take(width);
    z = take(width);
    w = take(width);
    x = take(width);
    double** precise[] = {&precise_x, &residual, &direction, &product};
    for (double** vector : precise) *vector = reinterpret_cast<double*>(take(2 * (width + kBlock)));
    // What lies beyond n_factors in the panel is never written again, and so stays zero.
    for (int64_t i = 0; i < places * width; ++i) panel[i] = 0.0f;
  }
};

// In double precision, in a fixed order: two registers of sums side by side.
template <class Number>
static inline double dot(const Number* a, const Number* b, int64_t n) {
  typedef double Doubles __attribute__((vector_size(MATINEE_LANES * 4)));
  typedef Number Loose __attribute__((vector_size(MATINEE_LANES / 2 * sizeof(Number)), aligned(sizeof(Number)), may_alias));
  constexpr int64_t lanes = kLanes / 2;
  Doubles sums[2] = {};
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes)
    for (int64_t half = 0; half < 2; ++half) {
      const int64_t at = i + half * lanes;
      sums[half] += __builtin_convertvector(*reinterpret_cast<const Loose*>(a + at), Doubles) *
                    __builtin_convertvector(*reinterpret_cast<const Loose*>(b + at), Doubles);
    }
  sums[0] += sums[1];
  double sum = 0;
  for (int64_t lane = 0; lane < lanes; ++lane) sum += sums[0][lane];
  for (; i < n; ++i) sum += double(a[i]) * b[i];
  return sum;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
