// The best n of many columns, by their factors in bytes: what these can't rule out is scored in single precision.
//
// With x a query and p its whole numbers, y a column times its scale and q its whole numbers, b and a their steps,
//
//     x · y = a b (p · q) + b p · (y − a q) + (x − b p) · y,
//
// and by Cauchy and Schwarz the last two are at most ‖b p‖ ‖y − a q‖ + ‖x − b p‖ ‖y‖. Rounding the sum in single
// precision adds at most (factors + 2) 2⁻²⁴ ‖x‖ ‖y‖, and what comes after the sum is a chain of additions, each of
// which rounds monotonically. So a column whose bound is below the threshold of the heap would not have been taken up,
// and a pack of such columns is passed over. All others are scored as ever: heaps hold the same numbers after each pack.
#pragma once

#include "ranking.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif
#if defined(__AMX_INT8__)
#include "levels/tile_registers.hpp"
#endif

namespace matinee {
namespace MATINEE_LEVEL {

#if defined(__SSE2__)
constexpr bool kScansBytes = true;

typedef int32_t Ints __attribute__((vector_size(MATINEE_LANES * 4)));
typedef int32_t LooseInts __attribute__((vector_size(MATINEE_LANES * 4), aligned(1), may_alias));
typedef int32_t StoredFour __attribute__((aligned(1), may_alias));

// Sums of products of four bytes of a column, without a sign, with four of a query, with one, for as many columns as
// there are lanes. Instructions that add pairs of products in 16 bits would saturate if a query had more than six bits.
#if defined(__AVX512VNNI__)
constexpr int32_t kMostQuery = 127;
struct ByteSums {
  __m512i sums;
  void start(int32_t number) { sums = _mm512_set1_epi32(number); }
  void add(Ints columns, int32_t query) {
    sums = _mm512_dpbusd_epi32(sums, (__m512i)columns, _mm512_set1_epi32(query));
  }
  Ints total() const { return (Ints)sums; }
};
#elif defined(__AVX512BW__)
constexpr int32_t kMostQuery = 63;
struct ByteSums {
  __m512i sums;
  void start(int32_t number) { sums = _mm512_set1_epi32(number); }
  void add(Ints columns, int32_t query) {
    const __m512i pairs = _mm512_maddubs_epi16((__m512i)columns, _mm512_set1_epi32(query));
    sums = _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
  Ints total() const { return (Ints)sums; }
};
#elif defined(__AVX2__)
constexpr int32_t kMostQuery = 63;
struct ByteSums {
  __m256i sums;
  void start(int32_t number) { sums = _mm256_set1_epi32(number); }
  void add(Ints columns, int32_t query) {
    const __m256i pairs = _mm256_maddubs_epi16((__m256i)columns, _mm256_set1_epi32(query));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  Ints total() const { return (Ints)sums; }
};
#else
constexpr int32_t kMostQuery = 127;
struct ByteSums {
  // Of two columns each, by pairs of factors.
  __m128i low, high;
  void start(int32_t number) { low = high = _mm_setr_epi32(number, 0, number, 0); }
  void add(Ints columns, int32_t query) {
    const __m128i zero = _mm_setzero_si128(), four = _mm_set1_epi32(query);
    const __m128i wide = _mm_unpacklo_epi8(four, _mm_cmpgt_epi8(zero, four));
    low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi8((__m128i)columns, zero), wide));
    high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi8((__m128i)columns, zero), wide));
  }
  Ints total() const {
    const __m128 a = _mm_castsi128_ps(low), b = _mm_castsi128_ps(high);
    return (Ints)_mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(a, b, 0x88)),
                               _mm_castps_si128(_mm_shuffle_ps(a, b, 0xdd)));
  }
};
#endif

// Whether all lanes are below a bar. One that is not a number is not.
static inline bool all_below(Vec scores, Vec bar) {
#if MATINEE_LANES == 16
  return _mm512_cmp_ps_mask((__m512)scores, (__m512)bar, _CMP_NLT_UQ) == 0;
#elif MATINEE_LANES == 8
  return _mm256_movemask_ps(_mm256_cmp_ps((__m256)scores, (__m256)bar, _CMP_NLT_UQ)) == 0;
#else
  return _mm_movemask_ps(_mm_cmpnlt_ps((__m128)scores, (__m128)bar)) == 0;
#endif
}

static inline Vec to_floats(Ints numbers) { return __builtin_convertvector(numbers, Vec); }

// 16 sums at once with 32 registers, 8 with 16.
constexpr int64_t kByteRows = MATINEE_LANES == 16 ? 8 : MATINEE_LANES == 8 ? 2 : 1;
constexpr int64_t kSingleBytePacks = MATINEE_LANES == 16 ? 4 : MATINEE_LANES == 8 ? 2 : 1;

// Queries in bytes, and what columns' scores must reach.
struct RoundedQueries {
  const int8_t* bytes;  // by query
  int64_t width;
  int32_t starts[kFilledQueries];  // make up for what is added to the columns' bytes
  float steps[kFilledQueries], by_miss[kFilledQueries], by_reach[kFilledQueries];
  float bars[kFilledQueries];  // a column with a bound below it is not taken up
  // The same for the products of the whole numbers with those of one pack: the unit that they are in, and its bar.
  float units[kFilledQueries], pack_bars[kFilledQueries];

  void look_at(const PackBounds& pack, float slack, int64_t n_queries) {
    for (int64_t q = 0; q < n_queries; q += kLanes) {
      const Vec lost = pack.miss * load(by_miss + q) + pack.reach * load(by_reach + q) + slack;
      store(pack_bars + q, load(bars + q) - lost);
      store(units + q, pack.step * load(steps + q));
    }
  }
};
// What product plus offset of the column must exceed, or less: all that is rounded on the way is covered.
static inline float bar_of(const QueryState& state) {
  const double threshold = double(state.best.threshold()), offset = double(state.offset);
  const double sizes = (threshold < 0 ? -threshold : threshold) + (offset < 0 ? -offset : offset);
  return state.best.is_full() ? float(threshold - offset - 0x1p-21 * sizes) : -__builtin_inff();
}

static inline void round_query(const float* query, int64_t n_factors, int8_t* bytes, RoundedQueries& rounded,
                               int64_t q) {
  float most = 0;
  double squares = 0;
  for (int64_t f = 0; f < n_factors; ++f) {
    const float size = __builtin_fabsf(query[f]);
    most = size > most ? size : most;
    squares += double(size) * double(size);
  }
  const double length = __builtin_sqrt(squares);
  // Nothing is ruled out for a query that is too long, or is no number.
  const bool is_bounded = length <= double(kLargestBounded);
  const float step = most / float(kMostQuery), smallest = 0x1p-126f;
  double missed = 0, kept = 0;
  int32_t sum = 0;
  for (int64_t f = 0; f < n_factors; ++f) {
    int32_t whole = 0;
    // A step too small to divide by leaves zeros, which miss all there is.
    if (is_bounded && step >= smallest) whole = int32_t(query[f] / step + (query[f] < 0 ? -0.5f : 0.5f));
    whole = whole > kMostQuery ? kMostQuery : whole < -kMostQuery ? -kMostQuery : whole;
    bytes[f] = int8_t(whole);
    sum += whole;
    const double here = double(step) * whole, left = double(query[f]) - here;
    kept += here * here;
    missed += left * left;
  }
  rounded.starts[q] = -kByteZero * sum;
  rounded.steps[q] = step;
  // Some millionths more than the bound, for how it is computed itself.
  constexpr double more = 1 + 0x1p-18;
  constexpr float infinity = __builtin_inff();
  rounded.by_miss[q] = is_bounded ? float(__builtin_sqrt(kept) * more) : infinity;
  rounded.by_reach[q] =
      is_bounded ? float((__builtin_sqrt(missed) + double(n_factors + 8) * 0x1p-22 * length) * more) : infinity;
}

static inline bool hides_all(const float* offsets) {
  for (int64_t i = 0; i < kPackWidth; ++i)
    if (offsets[i] != -__builtin_inff()) return false;
  return true;
}

// Whether no column of a pack reaches a query's bar, by the products of their whole numbers.
static inline bool is_ruled_out(const Ints* products, const float* offsets, float unit, float bar) {
  bool is_below = true;
  for (int64_t v = 0; v < kPackVecs; ++v)
    is_below &= all_below(to_floats(products[v]) * unit + load(offsets + v * kLanes), Vec{} + bar);
  return is_below;
}

// The queries of a part, while its packs are looked at.
struct ByteScan {
  const RankingProblem& problem;
  const float* const* queries;
  QueryState* states;
  int64_t n_queries;
  RoundedQueries rounded;

  ByteScan(const RankingProblem& problem_, const RankingPart& part, const float* const* queries_, QueryState* states_)
      : problem(problem_), queries(queries_), states(states_), n_queries(part.last_query - part.first_query) {
    rounded.bytes = part.rounded_queries;
    rounded.width = rounded_rank(problem.n_factors);
    for (int64_t f = 0; f < kFilledQueries * rounded.width; ++f) part.rounded_queries[f] = 0;
    for (int64_t q = 0; q < kFilledQueries; ++q)
      rounded.starts[q] = 0, rounded.steps[q] = rounded.by_miss[q] = rounded.by_reach[q] = rounded.bars[q] = 0.0f;
    for (int64_t q = 0; q < n_queries; ++q) {
      round_query(queries[q], problem.n_factors, part.rounded_queries + q * rounded.width, rounded, q);
      rounded.bars[q] = bar_of(states[q]);
    }
  }

  const uint8_t* columns(int64_t pack) const { return problem.rounded + pack * rounded.width * kPackWidth; }

  // Takes up the columns of a pack that the bytes could not rule out for a query.
  __attribute__((noinline)) void take_up(int64_t pack, int64_t q) {
    if (hides_all(pack_offsets(problem, pack))) return;
    score_packs<1, 1>(problem, queries + q, pack, states + q);
    rounded.bars[q] = bar_of(states[q]);
  }

  template <int64_t Rows, int64_t Packs>
  void multiply(int64_t first_pack, int64_t first, Ints (&products)[Rows][Packs * kPackVecs]) const {
    const uint8_t* bytes = columns(first_pack);
    const int64_t pack_size = rounded.width * kPackWidth;
    ByteSums sums[Rows][Packs * kPackVecs];
    for (int64_t r = 0; r < Rows; ++r)
      for (auto& each : sums[r]) each.start(rounded.starts[first + r]);
    for (int64_t f = 0; f < rounded.width; f += 4) {
      Ints here[Packs * kPackVecs];
      for (int64_t p = 0; p < Packs; ++p)
        for (int64_t v = 0; v < kPackVecs; ++v)
          here[p * kPackVecs + v] =
              *reinterpret_cast<const LooseInts*>(bytes + p * pack_size + f * kPackWidth + v * kLanes * 4);
      for (int64_t r = 0; r < Rows; ++r) {
        const int32_t four = *reinterpret_cast<const StoredFour*>(rounded.bytes + (first + r) * rounded.width + f);
        for (int64_t v = 0; v < Packs * kPackVecs; ++v) sums[r][v].add(here[v], four);
      }
    }
    for (int64_t r = 0; r < Rows; ++r)
      for (int64_t v = 0; v < Packs * kPackVecs; ++v) products[r][v] = sums[r][v].total();
  }

  template <int64_t Rows>
  void look_at(int64_t pack, int64_t first) {
    Ints products[Rows][kPackVecs];
    multiply<Rows, 1>(pack, first, products);
    const float* offsets = pack_offsets(problem, pack);
    for (int64_t r = 0; r < Rows; ++r)
      if (!is_ruled_out(products[r], offsets, rounded.units[first + r], rounded.pack_bars[first + r]))
        take_up(pack, first + r);
  }

  // One query leaves registers for several packs.
  void look_at_some(int64_t first_pack) {
    Ints products[1][kSingleBytePacks * kPackVecs];
    multiply<1, kSingleBytePacks>(first_pack, 0, products);
    for (int64_t p = 0; p < kSingleBytePacks; ++p) {
      const int64_t pack = first_pack + p;
      rounded.look_at(problem.bounds[pack], problem.rounded_slack, 1);
      if (!is_ruled_out(products[0] + p * kPackVecs, pack_offsets(problem, pack), rounded.units[0],
                        rounded.pack_bars[0]))
        take_up(pack, 0);
    }
  }

  void look_at_all(int64_t pack) {
    rounded.look_at(problem.bounds[pack], problem.rounded_slack, n_queries);
    int64_t q = 0;
    for (; q + kByteRows <= n_queries; q += kByteRows) look_at<kByteRows>(pack, q);
    for (; q < n_queries; ++q) look_at<1>(pack, q);
  }
};

#if defined(__AMX_INT8__)

constexpr int64_t kTileQueries = 16, kTileFactors = 64, kTileColumns = 16;
static_assert(kPackWidth == 2 * kTileColumns && kFilledQueries % kTileQueries == 0, "two tiles take a pack");

static_assert(kTileColumns * sizeof(int32_t) == TileShapes::kRowBytes && kTileQueries == TileShapes::kRows,
              "a tile is a register");

// Registers 0 and 1 take the products of a tile of queries with the halves of a pack, 4 takes the queries and 5 the
// columns; 6 and 7 do so for what is left of the factors.
static inline TileShapes byte_shapes(int64_t width) {
  TileShapes shapes;
  const int64_t left = width % kTileFactors;
  if (left > 0) {
    shapes.row_bytes[6] = uint16_t(left);
    shapes.rows[7] = uint8_t(left / 4);
  }
  return shapes;
}

// So many queries or more fill a tile well enough.
constexpr int64_t kFewestTileQueries = 6;

static inline void look_in_tiles(ByteScan& scan, int64_t first_pack, int64_t last_pack) {
  RoundedQueries& rounded = scan.rounded;
  const int64_t width = rounded.width, whole = width / kTileFactors * kTileFactors;
  constexpr int64_t row = kPackWidth * 4, half = kTileColumns * 4;
  const TileRegisters registers(byte_shapes(width));
  int32_t products[2][kTileQueries * kTileColumns] __attribute__((aligned(64)));
  int32_t starts[kFilledQueries * kTileColumns] __attribute__((aligned(64)));
  for (int64_t q = 0; q < kFilledQueries; ++q)
    for (int64_t i = 0; i < kTileColumns; ++i) starts[q * kTileColumns + i] = rounded.starts[q];
  // The tiles are loaded behind the compiler's back.
  __asm__ volatile("" : : "r"(starts), "r"(rounded.bytes) : "memory");
  for (int64_t pack = first_pack; pack < last_pack; ++pack) {
    rounded.look_at(scan.problem.bounds[pack], scan.problem.rounded_slack, scan.n_queries);
    const uint8_t* columns = scan.columns(pack);
    const float* offsets = pack_offsets(scan.problem, pack);
    for (int64_t first = 0; first < scan.n_queries; first += kTileQueries) {
      const int8_t* queries = rounded.bytes + first * width;
      _tile_loadd(0, starts + first * kTileColumns, half);
      _tile_loadd(1, starts + first * kTileColumns, half);
      for (int64_t f = 0; f < whole; f += kTileFactors) {
        _tile_loadd(4, queries + f, width);
        _tile_loadd(5, columns + f * kPackWidth, row);
        _tile_dpbsud(0, 4, 5);
        _tile_loadd(5, columns + f * kPackWidth + half, row);
        _tile_dpbsud(1, 4, 5);
      }
      if (whole < width) {
        _tile_loadd(6, queries + whole, width);
        _tile_loadd(7, columns + whole * kPackWidth, row);
        _tile_dpbsud(0, 6, 7);
        _tile_loadd(7, columns + whole * kPackWidth + half, row);
        _tile_dpbsud(1, 6, 7);
      }
      _tile_stored(0, products[0], half);
      _tile_stored(1, products[1], half);
      __asm__ volatile("" : : "r"(products) : "memory");
      const int64_t here = scan.n_queries - first < kTileQueries ? scan.n_queries - first : kTileQueries;
      for (int64_t r = 0; r < here; ++r) {
        Ints of_query[2];
        for (int64_t v = 0; v < 2; ++v)
          of_query[v] = *reinterpret_cast<const LooseInts*>(products[v] + r * kTileColumns);
        if (!is_ruled_out(of_query, offsets, rounded.units[first + r], rounded.pack_bars[first + r]))
          scan.take_up(pack, first + r);
      }
    }
  }
}

#endif

static inline void rank_by_bytes(const RankingProblem& problem, const RankingPart& part, const float* const* queries,
                                 QueryState* states) {
  ByteScan scan(problem, part, queries, states);
#if defined(__AMX_INT8__)
  if (scan.n_queries >= kFewestTileQueries) return look_in_tiles(scan, part.first_pack, part.last_pack);
#endif
  int64_t pack = part.first_pack;
  if (scan.n_queries == 1)
    for (; pack + kSingleBytePacks <= part.last_pack; pack += kSingleBytePacks) scan.look_at_some(pack);
  for (; pack < part.last_pack; ++pack) scan.look_at_all(pack);
}

#else
constexpr bool kScansBytes = false;
static inline void rank_by_bytes(const RankingProblem&, const RankingPart&, const float* const*, QueryState*) {}
#endif

// Takes up the columns of a part in the heaps of its queries.
static inline void rank(const RankingProblem& problem, const RankingPart& part) {
  QueryState states[kQueryGroup];
  const float* queries[kQueryGroup];
  const int64_t n_queries = part.last_query - part.first_query;
  for (int64_t q = 0; q < n_queries; ++q) {
    states[q] = start_query(problem, part, part.first_query + q);
    queries[q] = problem.queries + query_row(problem, part.first_query + q) * problem.n_factors;
  }
  if (kScansBytes && problem.rounded)
    rank_by_bytes(problem, part, queries, states);
  else
    rank_exactly(problem, part, queries, states);
  for (int64_t q = 0; q < n_queries; ++q) part.sizes[q] = states[q].best.size;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
