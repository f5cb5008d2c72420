// The factors, weights and targets of a row's ratings, copied side by side into a panel.
#pragma once

#include "rows/scratch.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// The sums of a row that belong to no factor: Σ c t², Σ c t, Σ c.
struct BorderSums {
  double targets_squared = 0, targets = 0, ones = 0;

  void operator+=(const BorderSums& other) {
    targets_squared += other.targets_squared;
    targets += other.targets;
    ones += other.ones;
  }
};

// Factors that fit the nearer caches come quickly enough by themselves.
constexpr int64_t kPrefetchedBytes = 4 << 20;

static inline bool wants_prefetch(const RowProblem& problem) {
  return problem.n_fixed * problem.n_factors * 4 > kPrefetchedBytes;
}

static inline const float* second_row(const RowProblem& problem, int64_t rating) {
  return problem.second + int64_t(problem.second_columns[rating]) * problem.n_factors;
}

// The cache that is asked for factors: the second one while the first is full of those that are being worked on.
constexpr int kFirstCache = 3, kSecondCache = 2;

// Asks for a rating's factors.
template <int cache>
static inline void prefetch_factors(const RowProblem& problem, int64_t rating) {
  const float* row = problem.fixed + int64_t(problem.columns[rating]) * problem.n_factors;
  constexpr int64_t floats_of_a_line = kCacheLine / int64_t(sizeof(float));
  for (int64_t f = 0; f < problem.n_factors; f += floats_of_a_line) __builtin_prefetch(row + f, 0, cache);
  if (!problem.second) return;
  const float* beside = second_row(problem, rating);
  for (int64_t f = 0; f < problem.n_factors; f += floats_of_a_line) __builtin_prefetch(beside + f, 0, cache);
}

// Asks for the factors of the ratings to come, a few at a time, while others are being worked on. The rows of a
// chunk follow one another, so the next ratings are known beyond the end of a row.
struct Prefetcher {
  const RowProblem& problem;
  int64_t next;
  int64_t end;

  Prefetcher(const RowProblem& of, int64_t first, int64_t last)
      : problem(of), next(first), end(wants_prefetch(of) ? last : first) {}

  void advance(int64_t n, int64_t limit) {
    int64_t last = next + n < limit ? next + n : limit;
    last = last < end ? last : end;
    for (; next < last; ++next) prefetch_factors<kSecondCache>(problem, next);
  }
};

// The same as copy_factors, of the sum of both rows of a rating.
template <bool scaled>
static inline void copy_sum(const float* from, const float* beside, int64_t n_factors, float scale, float* to) {
  int64_t f = 0;
  for (; f + kLanes <= n_factors; f += kLanes) {
    const Vec sum = load(from + f) + load(beside + f);
    store(to + f, scaled ? scale * sum : sum);
  }
  for (; f < n_factors; ++f) {
    const float sum = from[f] + beside[f];
    to[f] = scaled ? scale * sum : sum;
  }
}

template <bool scaled>
static inline void copy_factors(const RowProblem& problem, int64_t rating, float scale, float* to) {
  const int64_t n_factors = problem.n_factors;
  const float* from = problem.fixed + int64_t(problem.columns[rating]) * n_factors;
  if (problem.second) return copy_sum<scaled>(from, second_row(problem, rating), n_factors, scale, to);
  int64_t f = 0;
  for (; f + kLanes <= n_factors; f += kLanes) store(to + f, scaled ? scale * load(from + f) : load(from + f));
  if (!scaled)
    for (; f + 4 <= n_factors; f += 4) __builtin_memcpy(to + f, from + f, 16);
  for (; f < n_factors; ++f) to[f] = scaled ? scale * from[f] : from[f];
}

// What both rows of a rating say without the row that is solved: their product, and the bias of the second.
static inline double said_by_second(const RowProblem& problem, int64_t rating) {
  const float* first = problem.fixed + int64_t(problem.columns[rating]) * problem.n_factors;
  const double bias = problem.second_biases ? problem.second_biases[problem.second_columns[rating]] : 0;
  return dot(first, second_row(problem, rating), problem.n_factors) + bias;
}

// The targets of n explicit ratings, and zeros up to a whole register.
static inline void find_targets(const RowProblem& problem, int64_t begin, int64_t n, float* targets) {
  const float *values = problem.values + begin, offset = problem.offset;
  if (problem.column_biases)
    for (int64_t p = 0; p < n; ++p)
      targets[p] = values[p] - offset - problem.column_biases[problem.columns[begin + p]];
  else
    for (int64_t p = 0; p < n; ++p) targets[p] = values[p] - offset;
  if (problem.second)
    for (int64_t p = 0; p < n; ++p) targets[p] = float(targets[p] - said_by_second(problem, begin + p));
  for (int64_t p = n; p < round_up(n, kLanes); ++p) targets[p] = 0.0f;
}

// The targets of n explicit ratings, each beside the 1 of its bias.
static inline void gather_targets(const RowProblem& problem, int64_t begin, int64_t n, Scratch& scratch,
                                  BorderSums& sums) {
  float *targets = scratch.moved, *side = scratch.side;
  find_targets(problem, begin, n, targets);
  for (int64_t p = 0; p < n; ++p) {
    side[2 * p] = targets[p];
    side[2 * p + 1] = 1.0f;
  }
  // A panel is short enough for sums in single precision.
  Vec squared = {}, plain = {};
  for (int64_t p = 0; p < n; p += kLanes) {
    const Vec part = load(targets + p);
    squared += part * part;
    plain += part;
  }
  sums.targets_squared += sum_lanes(squared);
  sums.targets += sum_lanes(plain);
  sums.ones += double(n);
}

static inline Vec square_root(Vec of) {
  Vec roots;
  for (int64_t lane = 0; lane < kLanes; ++lane) roots[lane] = __builtin_sqrtf(of[lane]);
  return roots;
}

// The first n numbers of a register; those beyond the end of an array are not read, and count as 0.
static inline Vec load_first(const float* from, int64_t n) {
  if (n == kLanes) return load(from);
  Vec numbers = {};
  for (int64_t lane = 0; lane < n; ++lane) numbers[lane] = from[lane];
  return numbers;
}

// The targets of n explicit ratings with weights. Scaled: √c · t beside √c; plain: c · t beside c.
template <bool scaled>
static inline void weigh_targets(const RowProblem& problem, int64_t begin, int64_t n, Scratch& scratch,
                                 BorderSums& sums) {
  float *targets = scratch.moved, *side = scratch.side;
  find_targets(problem, begin, n, targets);
  Vec squared = {}, plain = {}, whole = {};
  for (int64_t first = 0; first < n; first += kLanes) {
    const int64_t here = first + kLanes < n ? kLanes : n - first;
    const Vec weight = load_first(problem.weights + begin + first, here), root = square_root(weight);
    const Vec target = load(targets + first), scaled_target = root * target;
    squared += scaled_target * scaled_target;
    plain += weight * target;
    whole += weight;
    float of_targets[kLanes], of_factors[kLanes];
    store(of_targets, scaled ? scaled_target : weight * target);
    store(of_factors, scaled ? root : weight);
    for (int64_t lane = 0; lane < here; ++lane) {
      side[2 * (first + lane)] = of_targets[lane];
      side[2 * (first + lane) + 1] = of_factors[lane];
    }
  }
  sums.targets_squared += sum_lanes(squared);
  sums.targets += sum_lanes(plain);
  sums.ones += sum_lanes(whole);
}

constexpr float kLeastConfidence = 1e-20f;

// The weights of n values a register at a time. Scaled: √c · t beside √c; plain: c · t beside c.
template <bool scaled, bool weighted>
static inline void weigh_confidence(const RowProblem& problem, int64_t begin, int64_t n, float* side,
                                    BorderSums& sums) {
  const float* values = problem.values + begin;
  Vec seen = {};
  for (int64_t first = 0; first < n; first += kLanes) {
    const int64_t here = first + kLanes < n ? kLanes : n - first;
    const Vec value = load_first(values + first, here);
    Vec confidence = problem.confidence * (value < 0 ? -value : value);
    Vec unobserved = Vec{} + problem.unobserved, counts = value;
    if (weighted) {
      const Vec times = load_first(problem.weights + begin + first, here);
      confidence *= times;
      unobserved *= times;
      counts = times > 0 ? value : Vec{};
    }
    // The root of a smaller confidence could vanish in the product with a factor.
    const Vec least = counts != 0 ? Vec{} + kLeastConfidence : Vec{};
    confidence = confidence < least ? least : confidence;
    const Vec weight = counts > 0 ? unobserved + confidence : Vec{};
    seen += weight;
    const Vec root = square_root(confidence);
    const Vec target = scaled ? weight / (root > 0 ? root : Vec{} + 1.0f) : weight;
    float targets[kLanes], factors[kLanes];
    store(targets, target);
    store(factors, scaled ? root : confidence);
    for (int64_t lane = 0; lane < here; ++lane) {
      side[2 * (first + lane)] = targets[lane];
      side[2 * (first + lane) + 1] = factors[lane];
    }
  }
  sums.targets_squared += sum_lanes(seen);
}

// The numbers beside the factors of n ratings. Scaled: √c · t beside √c; plain: c · t beside c.
template <bool scaled>
static inline void gather_sides(const RowProblem& problem, int64_t begin, int64_t n, Scratch& scratch,
                                BorderSums& sums) {
  if (problem.feedback == Feedback::ratings && !problem.weights)
    gather_targets(problem, begin, n, scratch, sums);
  else if (problem.feedback == Feedback::ratings)
    weigh_targets<scaled>(problem, begin, n, scratch, sums);
  else if (problem.weights)
    weigh_confidence<scaled, true>(problem, begin, n, scratch.side, sums);
  else
    weigh_confidence<scaled, false>(problem, begin, n, scratch.side, sums);
}

// Whether ratings differ in what they weigh.
static inline bool are_weighted(const RowProblem& problem) {
  return problem.feedback == Feedback::confidence || problem.weights;
}

enum class Weights { scaled, plain };

// Scaled: √c · y beside (√c · t, √c), whose products are A and b. Plain: y beside (c · t, c).
static inline BorderSums gather(const RowProblem& problem, int64_t begin, int64_t end, Weights weights,
                                Scratch& scratch) {
  const RowProblem local = problem;  // its members cannot then alias what is stored
  const int64_t n = end - begin;
  BorderSums sums;
  if (weights == Weights::scaled)
    gather_sides<true>(local, begin, n, scratch, sums);
  else
    gather_sides<false>(local, begin, n, scratch, sums);
  float* row = scratch.panel;
  if (weights == Weights::scaled && are_weighted(local))
    for (int64_t p = 0; p < n; ++p, row += scratch.width)
      copy_factors<true>(local, begin + p, scratch.side[2 * p + 1], row);
  else
    for (int64_t p = 0; p < n; ++p, row += scratch.width) copy_factors<false>(local, begin + p, 1, row);
  return sums;
}

// The same as scaled, but notes where the factors are, unscaled, to use them in place.
static inline BorderSums gather_scattered(const RowProblem& problem, int64_t begin, int64_t end, Scratch& scratch) {
  const RowProblem local = problem;
  BorderSums sums;
  for (int64_t j = begin; j < end; ++j)
    scratch.rows[j - begin] = local.fixed + int64_t(local.columns[j]) * local.n_factors;
  gather_sides<true>(local, begin, end - begin, scratch, sums);
  return sums;
}

// Calls work(first, n) for every panel of a row's ratings. The solvers have gathered a row's first panel, scaled: if
// that is the whole row, it is still there and not gathered again.
template <class Work>
static inline void for_each_panel(const RowProblem& problem, int64_t begin, int64_t end, Weights weights,
                                  Scratch& scratch, Work work) {
  const bool fits = end - begin <= scratch.panel_size;
  for (int64_t first = begin; first < end; first += scratch.panel_size) {
    const int64_t last = first + scratch.panel_size < end ? first + scratch.panel_size : end;
    if (is_stopped(problem)) return;
    if (!fits || weights == Weights::plain) gather(problem, first, last, weights, scratch);
    work(first - begin, last - first);
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
