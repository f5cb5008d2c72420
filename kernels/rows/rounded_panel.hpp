// Factors rounded to bf16, two ratings side by side, and their products: the upper triangle of A to a tenth of a percent,
// in a fraction of the time. Levels without instructions for it have no such panel.
#pragma once

#include "rows/tiles.hpp"

#if defined(MATINEE_ROUNDED_TILES) || defined(MATINEE_ROUNDED_DOTS)
#define MATINEE_ROUNDED
#include <immintrin.h>
#endif
#ifdef MATINEE_ROUNDED_TILES
#include "levels/tile_registers.hpp"
#endif

namespace matinee {
namespace MATINEE_LEVEL {

#ifdef MATINEE_ROUNDED
constexpr bool kRounds = true;
#else
constexpr bool kRounds = false;
#endif

#ifdef MATINEE_ROUNDED_TILES
constexpr bool kTransposes = true;
#else
constexpr bool kTransposes = false;
#endif

// A tile holds a block of factors of 16 pairs of ratings, 1 KiB: a pair is one number of 32 bits.
constexpr int64_t kTilePairs = 16, kTileRatings = 2 * kTilePairs, kTileNumbers = kTilePairs * kBlock;

// The panel takes 128 KiB at the most, of the second-level cache.
constexpr int64_t kRoundedFloats = 65536, kMostRoundedTiles = 8;

// As many tiles of ratings as the panel has room for: one of more factors than any model has would not fit.
static inline int64_t rounded_tiles(int64_t width) {
  const int64_t tiles = kRoundedFloats / (width * kTileRatings);
  return tiles < 1 ? 1 : tiles > kMostRoundedTiles ? kMostRoundedTiles : tiles;
}

// The numbers that panels take of this width and of smaller ones.
static inline int64_t rounded_numbers(int64_t width) {
  const int64_t most = kMostRoundedTiles * kTileRatings * width, room = kRoundedFloats, one = kTileRatings * width;
  return (most < room ? most : room > one ? room : one) / 2;
}

#ifdef MATINEE_ROUNDED

static_assert(kLanes == kTilePairs && kBlock == kLanes, "a tile is as many registers as one has lanes");

typedef uint32_t Pairs __attribute__((vector_size(MATINEE_LANES * 4)));
typedef uint32_t StoredPairs __attribute__((vector_size(MATINEE_LANES * 4), may_alias));

// Each of both rounded to bf16, which is the upper half of its bits: the first low, the second high.
static inline Pairs pair_up(Vec first, Vec second) {
  const uint32_t half = 0x8000;
  return ((Pairs(first) + half) >> 16) | ((Pairs(second) + half) & 0xffff0000u);
}

// The tiles of a panel lie one behind the other, by ratings and then by blocks of factors.
struct RoundedPanel {
  int64_t width;
  uint32_t* pairs;       // a row of a tile is a pair of ratings
  uint32_t* transposed;  // a row of a tile is a factor
  int64_t n_tiles = 0;   // how many are filled

  bool is_full() const { return n_tiles == rounded_tiles(width); }

  int64_t place(int64_t tile, int64_t block) const { return (tile * (width / kBlock) + block) * kTileNumbers; }

  // Takes up one more tile of the factors of ratings, which are then what the products are of: those from a column on,
  // rounded to bf16 two by two, of as many ratings as the panel is wide.
  void add_factors(Strided panel, int64_t column, int64_t n_columns) {
    uint32_t own[kTileNumbers] __attribute__((aligned(64)));
    for (int64_t block = 0; block < width / kBlock; ++block) {
      uint32_t* by_rating = kTransposes ? transposed + place(n_tiles, block) : own;
      for (int64_t r = 0; r < kBlock; ++r) {
        const float* row = panel[block * kBlock + r] + column;
        const Vec low = load(row), high = column + kBlock < n_columns ? load(row + kBlock) : Vec{};
        *reinterpret_cast<StoredPairs*>(by_rating + r * kTilePairs) = Pairs(_mm512_cvtne2ps_pbh(__m512(high), __m512(low)));
      }
      transpose(by_rating, pairs + place(n_tiles, block));
    }
    ++n_tiles;
  }

  // Takes up one more tile of the ratings of a panel, those from first to n; scaled, if need be, by the second of the two
  // numbers beside each. Adds Σ s · y in single precision to `border`, a row for each number s, as many as Sides says.
  template <int64_t Sides, bool scaled, class Panel>
  void add(Panel panel, const float* side, int64_t first, int64_t n, float* border) {
    const float* rows[kTileRatings];
    for (int64_t r = 0; r < kTileRatings; ++r) {
      const int64_t p = first + r;
      rows[r] = panel[p < n ? p : first];
      // The next tile's rows come while this one is being worked on.
      if (p + kTileRatings < n) fetch(panel[p + kTileRatings]);
    }
    const int64_t here = n - first < kTileRatings ? n - first : kTileRatings;
    for (int64_t block = 0; block < width / kBlock; ++block) {
      uint32_t* tile = pairs + place(n_tiles, block);
      if (here == kTileRatings)
        add_block<Sides, scaled, true>(rows, side + 2 * first, here, block * kBlock, border, tile);
      else
        add_block<Sides, scaled, false>(rows, side + 2 * first, here, block * kBlock, border, tile);
      if (kTransposes) transpose(tile, transposed + place(n_tiles, block));
    }
    ++n_tiles;
  }

 private:
  void fetch(const float* row) const {
    for (int64_t f = 0; f < width; f += kLanes) __builtin_prefetch(row + f, 0, 3);
  }

  template <int64_t Sides, bool scaled, bool is_whole>
  void add_block(const float* const* rows, const float* side, int64_t n, int64_t column, float* border,
                 uint32_t* tile) const {
    // Two chains for each sum hide its latency.
    Vec sums[Sides][2] = {};
    for (int64_t pair = 0; pair < kTilePairs; ++pair) {
      Vec factors[2];
      for (int64_t r = 0; r < 2; ++r) {
        const int64_t p = 2 * pair + r;
        factors[r] = is_whole || p < n ? load(rows[p] + column) : Vec{};
        if (scaled && (is_whole || p < n)) factors[r] *= side[2 * p + 1];
        for (int64_t s = 0; s < Sides && (is_whole || p < n); ++s) sums[s][r] += side[2 * p + s] * factors[r];
      }
      *reinterpret_cast<StoredPairs*>(tile + pair * kBlock) = pair_up(factors[0], factors[1]);
    }
    // Added once: rating by rating, a long row's sums would lose what each adds.
    for (int64_t s = 0; s < Sides; ++s) {
      float* place = border + s * width + column;
      store(place, load(place) + (sums[s][0] + sums[s][1]));
    }
  }

  static void transpose(const uint32_t* from, uint32_t* to) {
    const auto quarter = [&](int64_t row, int64_t column) {
      return _mm_load_ps(reinterpret_cast<const float*>(from + row * kBlock + column));
    };
    for (int64_t column = 0; column < kBlock; column += 4) {
      __m512 rows[4];
      for (int64_t r = 0; r < 4; ++r) {
        rows[r] = _mm512_castps128_ps512(quarter(r, column));
        rows[r] = _mm512_insertf32x4(rows[r], quarter(r + 4, column), 1);
        rows[r] = _mm512_insertf32x4(rows[r], quarter(r + 8, column), 2);
        rows[r] = _mm512_insertf32x4(rows[r], quarter(r + 12, column), 3);
      }
      const __m512d low = _mm512_castps_pd(_mm512_unpacklo_ps(rows[0], rows[1]));
      const __m512d high = _mm512_castps_pd(_mm512_unpackhi_ps(rows[0], rows[1]));
      const __m512d other_low = _mm512_castps_pd(_mm512_unpacklo_ps(rows[2], rows[3]));
      const __m512d other_high = _mm512_castps_pd(_mm512_unpackhi_ps(rows[2], rows[3]));
      double* place = reinterpret_cast<double*>(to + column * kTilePairs);
      constexpr int64_t row = kTilePairs / 2;
      _mm512_store_pd(place, _mm512_unpacklo_pd(low, other_low));
      _mm512_store_pd(place + row, _mm512_unpackhi_pd(low, other_low));
      _mm512_store_pd(place + 2 * row, _mm512_unpacklo_pd(high, other_high));
      _mm512_store_pd(place + 3 * row, _mm512_unpackhi_pd(high, other_high));
    }
  }
};

#endif

#ifdef MATINEE_ROUNDED_TILES

// Registers 0 to 3 take two by two tiles of A, 4 and 5 the left factors, 6 and 7 the right ones.
static_assert(kTilePairs * sizeof(uint32_t) == TileShapes::kRowBytes && kBlock == TileShapes::kRows, "a tile is a register");

// Rows × Columns tiles of A, without the lower one on the diagonal.
template <int Rows, int Columns, bool on_diagonal>
static inline void multiply_tiles(const RoundedPanel& panel, int64_t left, int64_t right, bool replaces, float* out) {
  const int64_t stride = panel.width * int64_t(sizeof(float)), row_bytes = kTilePairs * int64_t(sizeof(uint32_t));
  float* below = out + kBlock * panel.width;
  if (replaces) {
    _tile_zero(0);
    if (Columns > 1) _tile_zero(1);
    if (Rows > 1 && !on_diagonal) _tile_zero(2);
    if (Rows > 1 && Columns > 1) _tile_zero(3);
  } else {
    _tile_loadd(0, out, stride);
    if (Columns > 1) _tile_loadd(1, out + kBlock, stride);
    if (Rows > 1 && !on_diagonal) _tile_loadd(2, below, stride);
    if (Rows > 1 && Columns > 1) _tile_loadd(3, below + kBlock, stride);
  }
  for (int64_t tile = 0; tile < panel.n_tiles; ++tile) {
    const uint32_t *rows = panel.transposed + panel.place(tile, left), *columns = panel.pairs + panel.place(tile, right);
    _tile_loadd(4, rows, row_bytes);
    _tile_loadd(6, columns, row_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if (Columns > 1) {
      _tile_loadd(7, columns + kTileNumbers, row_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (Rows > 1) _tile_loadd(5, rows + kTileNumbers, row_bytes);
    if (Rows > 1 && !on_diagonal) _tile_dpbf16ps(2, 5, 6);
    if (Rows > 1 && Columns > 1) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, out, stride);
  if (Columns > 1) _tile_stored(1, out + kBlock, stride);
  if (Rows > 1 && !on_diagonal) _tile_stored(2, below, stride);
  if (Rows > 1 && Columns > 1) _tile_stored(3, below + kBlock, stride);
}

// A (op) panelᵀ · panel, upper triangle.
static inline void add_products(const RoundedPanel& panel, bool replaces, float* A) {
  __asm__ volatile("" : : : "memory");  // to a compiler, loading a tile reads no memory
  const int64_t n_blocks = panel.width / kBlock;
  for (int64_t left = 0; left < n_blocks; left += 2)
    for (int64_t right = left; right < n_blocks; right += 2) {
      float* out = A + left * kBlock * panel.width + right * kBlock;
      const bool is_last = right + 1 == n_blocks;
      if (left == right && is_last)
        multiply_tiles<1, 1, true>(panel, left, right, replaces, out);
      else if (left == right)
        multiply_tiles<2, 2, true>(panel, left, right, replaces, out);
      else if (is_last)
        multiply_tiles<2, 1, false>(panel, left, right, replaces, out);
      else
        multiply_tiles<2, 2, false>(panel, left, right, replaces, out);
    }
}

#else

struct TileRegisters {};  // a level without tiles has none to set up

#endif

#ifdef MATINEE_ROUNDED_DOTS

// Half a block of rows of A by up to two blocks of columns.
template <int64_t Columns>
static inline void multiply_pairs(const RoundedPanel& panel, int64_t row, int64_t right, bool replaces, float* out) {
  constexpr int64_t rows = kTileRows;
  __m512 sums[rows][Columns];
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < Columns; ++c)
      sums[r][c] = replaces ? _mm512_setzero_ps() : _mm512_loadu_ps(out + r * panel.width + c * kBlock);
  for (int64_t tile = 0; tile < panel.n_tiles; ++tile) {
    const uint32_t* lefts = panel.pairs + panel.place(tile, row / kBlock) + row % kBlock;
    const uint32_t* rights = panel.pairs + panel.place(tile, right);
    for (int64_t pair = 0; pair < kTilePairs; ++pair) {
      __m512bh factors[Columns];
      for (int64_t c = 0; c < Columns; ++c)
        factors[c] = (__m512bh)_mm512_load_si512(rights + c * kTileNumbers + pair * kBlock);
      for (int64_t r = 0; r < rows; ++r) {
        const __m512bh spread = (__m512bh)_mm512_set1_epi32(int(lefts[pair * kBlock + r]));
        for (int64_t c = 0; c < Columns; ++c) sums[r][c] = _mm512_dpbf16_ps(sums[r][c], spread, factors[c]);
      }
    }
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < Columns; ++c) _mm512_storeu_ps(out + r * panel.width + c * kBlock, sums[r][c]);
}

// A (op) panelᵀ · panel, upper triangle.
static inline void add_products(const RoundedPanel& panel, bool replaces, float* A) {
  const int64_t n_blocks = panel.width / kBlock;
  for (int64_t row = 0; row < panel.width; row += kTileRows) {
    int64_t right = row / kBlock;
    for (; right + 2 <= n_blocks; right += 2)
      multiply_pairs<2>(panel, row, right, replaces, A + row * panel.width + right * kBlock);
    if (right < n_blocks) multiply_pairs<1>(panel, row, right, replaces, A + row * panel.width + right * kBlock);
  }
}

#endif

}  // namespace MATINEE_LEVEL
}  // namespace matinee
