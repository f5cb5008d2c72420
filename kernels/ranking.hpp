// The best n of all columns for each query, scored and selected in one pass: no queries × columns array.
#pragma once

#include "levels/simd.hpp"
#include "problems/ranking_problem.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

constexpr int64_t kPackVecs = kPackWidth / kLanes;
static_assert(kPackWidth % kLanes == 0, "a pack is scored in whole registers");
// 16 accumulators with 32 registers, 8 with 16.
constexpr int64_t kQueryRows = MATINEE_LANES == 16 ? 8 : MATINEE_LANES == 8 ? 2 : 1;
constexpr int64_t kSinglePacks = MATINEE_LANES == 16 ? 4 : MATINEE_LANES == 8 ? 2 : 1;

// A binary heap of the best, the worst of them on top: the one of the lowest score and, of those, the last column.
struct BestHeap {
  float* scores;
  int32_t* columns;
  int64_t capacity;
  int64_t size;

  bool worse(int64_t a, int64_t b) const {
    return scores[a] < scores[b] || (scores[a] == scores[b] && columns[a] > columns[b]);
  }
  void swap(int64_t a, int64_t b) {
    const float score = scores[a];
    scores[a] = scores[b];
    scores[b] = score;
    const int32_t column = columns[a];
    columns[a] = columns[b];
    columns[b] = column;
  }
  void sink(int64_t place, int64_t n) {
    for (int64_t child; (child = 2 * place + 1) < n; place = child) {
      if (child + 1 < n && worse(child + 1, child)) ++child;
      if (!worse(child, place)) return;
      swap(child, place);
    }
  }
  void rise(int64_t place) {
    for (int64_t parent; place > 0 && worse(place, parent = (place - 1) / 2); place = parent)
      swap(place, parent);
  }
  bool is_full() const { return size == capacity; }
  float threshold() const { return size < capacity ? -__builtin_inff() : scores[0]; }
  // Columns arrive in ascending order, so an equal score never displaces.
  void offer(float score, int32_t column) {
    if (size < capacity) {
      scores[size] = score;
      columns[size] = column;
      rise(size++);
    } else {
      scores[0] = score;
      columns[0] = column;
      sink(0, size);
    }
  }
  void sort_best_first() {
    for (int64_t n = size; n > 1;) {
      swap(0, --n);
      sink(0, n);
    }
  }
};

static inline float max_lanes(const float* from) {
  Vec most = load(from);
  for (int64_t v = 1; v < kPackVecs; ++v) {
    const Vec other = load(from + v * kLanes);
    most = other > most ? other : most;
  }
  float best = most[0];
  for (int64_t lane = 1; lane < kLanes; ++lane) best = most[lane] > best ? most[lane] : best;
  return best;
}

// How far a query is: the best so far, and the next of its excluded columns.
struct QueryState {
  BestHeap best;
  const int32_t* excluded;
  const int32_t* excluded_end;
  float offset;
};

static inline void select(float* scores, int64_t first_column, QueryState& state) {
  // Packs that were passed over have excluded columns too.
  for (; state.excluded < state.excluded_end && *state.excluded < first_column; ++state.excluded) {
  }
  for (; state.excluded < state.excluded_end && *state.excluded < first_column + kPackWidth; ++state.excluded)
    scores[*state.excluded - first_column] = -__builtin_inff();
  if (!(max_lanes(scores) > state.best.threshold())) return;
  for (int64_t i = 0; i < kPackWidth; ++i)
    if (scores[i] > state.best.threshold()) state.best.offer(scores[i], int32_t(first_column + i));
}

static inline int64_t count_packs(const RankingProblem& problem) {
  return (problem.n_columns + kPackWidth - 1) / kPackWidth;
}

// The offsets of the columns of a pack.
static inline const float* pack_offsets(const RankingProblem& problem, int64_t pack) {
  static const float zeros[kPackWidth] = {};
  if ((pack + 1) * kPackWidth >= problem.n_columns) return problem.last_offsets;
  return problem.offsets ? problem.offsets + pack * kPackWidth : zeros;
}

// Scores Rows queries against Packs packs, and offers the scores to the queries' heaps. The sum over the factors runs
// in the same order for every Rows and Packs, so a score does not depend on what is computed beside it.
template <int64_t Rows, int64_t Packs>
static inline void score_packs(const RankingProblem& problem, const float* const* queries, int64_t first_pack,
                               QueryState* states) {
  const int64_t pack_size = problem.n_factors * kPackWidth;
  const float* pack = problem.packed + first_pack * pack_size;
  Vec sums[Rows][Packs * kPackVecs] = {};
  for (int64_t f = 0; f < problem.n_factors; ++f) {
    Vec factors[Packs * kPackVecs];
    for (int64_t p = 0; p < Packs; ++p)
      for (int64_t v = 0; v < kPackVecs; ++v)
        factors[p * kPackVecs + v] = load(pack + p * pack_size + f * kPackWidth + v * kLanes);
    for (int64_t r = 0; r < Rows; ++r)
      for (int64_t v = 0; v < Packs * kPackVecs; ++v) sums[r][v] += queries[r][f] * factors[v];
  }
  for (int64_t r = 0; r < Rows; ++r)
    for (int64_t p = 0; p < Packs; ++p) {
      const int64_t first_column = (first_pack + p) * kPackWidth;
      const float* offsets = pack_offsets(problem, first_pack + p);
      float scores[kPackWidth];
      for (int64_t v = 0; v < kPackVecs; ++v) {
        Vec score = sums[r][p * kPackVecs + v];
        if (problem.scales) score *= load(problem.scales + first_column + v * kLanes);
        store(scores + v * kLanes, score + load(offsets + v * kLanes) + states[r].offset);
      }
      select(scores, first_column, states[r]);
    }
}

static inline int64_t query_row(const RankingProblem& problem, int64_t query) {
  return problem.rows ? problem.rows[query] : query;
}

// Goes on with the heap that the part has for the query.
static inline QueryState start_query(const RankingProblem& problem, const RankingPart& part, int64_t query) {
  const int64_t row = query_row(problem, query), place = query - part.first_query;
  QueryState state;
  state.best = {part.scores + place * problem.n, part.best + place * problem.n, problem.n, part.sizes[place]};
  state.excluded = problem.excluded_indptr ? problem.excluded_columns + problem.excluded_indptr[row] : nullptr;
  state.excluded_end =
      problem.excluded_indptr ? problem.excluded_columns + problem.excluded_indptr[row + 1] : nullptr;
  state.offset = problem.query_offset + (problem.query_biases ? problem.query_biases[row] : 0.0f);
  return state;
}

static inline void rank_exactly(const RankingProblem& problem, const RankingPart& part, const float* const* queries,
                                QueryState* states) {
  const int64_t n_queries = part.last_query - part.first_query;
  int64_t pack = part.first_pack;
  if (n_queries == 1)
    for (; pack + kSinglePacks <= part.last_pack; pack += kSinglePacks)
      score_packs<1, kSinglePacks>(problem, queries, pack, states);
  for (; pack < part.last_pack; ++pack) {
    int64_t q = 0;
    for (; q + kQueryRows <= n_queries; q += kQueryRows)
      score_packs<kQueryRows, 1>(problem, queries + q, pack, states + q);
    for (; q < n_queries; ++q) score_packs<1, 1>(problem, queries + q, pack, states + q);
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
