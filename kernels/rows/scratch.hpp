// The memory that one thread works in: taken once, before the loops.
#pragma once

#include "problems/row_problem.hpp"
#include "rows/rounded_panel.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// A panel of factors has 16 KiB, half of the smallest first-level cache: factors that are used in place may collide
// in it. Its depth lies between what pays for loading and storing the tiles of A once, and what saves nothing more.
constexpr int64_t kPanelFloats = 4096, kLeastPanelRows = 32, kMostPanelRows = 256;
static_assert(kLeastPanelRows >= kLanes, "a panel has room for a register of ratings");

static inline int64_t panel_rows(int64_t width) {
  const int64_t rows = kPanelFloats / width;
  return rows < kLeastPanelRows ? kLeastPanelRows : rows > kMostPanelRows ? kMostPanelRows : rows;
}

// The most ratings of a row that is solved by its ratings: with more the smaller system saves less than it costs.
static inline int64_t longest_short_row(int64_t width) { return width * 3 / 4; }

// Rows that the panel has room for: short rows are in it as a whole, though longer ones take it in smaller parts.
static inline int64_t panel_places(int64_t width) {
  const int64_t long_row = panel_rows(width), short_row = longest_short_row(width);
  return round_up(long_row > short_row ? long_row : short_row, kBlock);
}

// Factors of a block of coordinate descent: with more of them there are fewer passes over the ratings and more flops.
constexpr int64_t kSubspace = 32;
static_assert(kSubspace % kBlock == 0, "a subspace is factorised in whole blocks");

struct Scratch {
  int64_t width;            // the padded rank
  int64_t panel_size;       // ratings of a row that the panel takes at a time
  float* panel;             // places × width: √c · y
  const float** rows;       // places: where the factors are, if they are used in place
  uint32_t* pairs;          // of a rounded panel, if the level has it
  uint32_t* transposed;     // the same
  float* side;              // places × 2: √c · t, √c
  float* moved;             // places
  float* predicted;         // the longest row
  float* A;                 // width × width
  float* blocks;            // width × kSubspace: the parts of A of the blocks of a descent
  float* border;            // 2 × width: b, then Σ c y
  float* inverses;          // width × kBlock: the inverse of each diagonal block of Uᵀ
  float* inverse_diagonal;  // width
  float* z;                 // width
  float* w;                 // width: the border of the factor
  float* x;                 // width
  // In double precision, the bias behind the factors: width + kBlock.
  double* precise_x;
  double* residual;
  double* direction;
  double* product;
  double* rotated;   // a rating's factors, its bias and its target
  double* triangle;  // (width + 1) rows of as many: see rows/precise_row.hpp

  static int64_t bytes(int64_t n_factors, int64_t longest_row) {
    return Scratch(n_factors).lay_out(longest_row, nullptr);
  }

  Scratch(int64_t n_factors, int64_t longest_row, void* memory) : Scratch(n_factors) {
    lay_out(longest_row, static_cast<char*>(memory));
    // What lies beyond n_factors in the panel is never written again, and so stays zero.
    for (int64_t i = 0; i < panel_places(width) * width; ++i) panel[i] = 0.0f;
  }

 private:
  explicit Scratch(int64_t n_factors) : width(padded_rank(n_factors)), panel_size(panel_rows(width)) {}

  // Places everything in the memory, one behind the other, and returns how many bytes that takes; without memory it
  // only counts. Each size is whole blocks, so that all of them are aligned to a block.
  int64_t lay_out(int64_t longest_row, char* memory) {
    const int64_t places = panel_places(width);
    int64_t taken = 0;
    auto take = [&](auto& array, int64_t n) {
      typedef __typeof__(array + 0) Pointer;
      array = memory ? reinterpret_cast<Pointer>(memory + taken) : nullptr;
      taken += n * int64_t(sizeof(*array));
    };
    take(panel, places * width);
    take(side, 2 * places);
    take(rows, places);
    take(pairs, kRounds ? rounded_numbers(width) : 0);
    take(transposed, kTransposes ? rounded_numbers(width) : 0);
    take(moved, places);
    take(predicted, round_up(longest_row, kBlock));
    take(A, width * width);
    take(blocks, width * kSubspace);
    take(border, 2 * width);
    take(inverses, width * kBlock);
    float** vectors[] = {&inverse_diagonal, &z, &w, &x};
    for (float** vector : vectors) take(*vector, width);
    double** precise_vectors[] = {&precise_x, &residual, &direction, &product, &rotated};
    for (double** vector : precise_vectors) take(*vector, width + kBlock);
    take(triangle, (width + 1) * (width + kBlock));
    return taken;
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
