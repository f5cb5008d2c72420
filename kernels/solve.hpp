// Gather, accumulate, factorise, refine: the answer of one row.
#pragma once

#include "cholesky.hpp"
#include "row_problem.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// A panel of gathered factors of 32 KiB: small enough for the first-level cache, deep enough to pay for
// loading and storing the tiles of A once.
static inline int64_t panel_rows(int64_t width) {
  const int64_t rows = 8192 / width;
  return rows < 32 ? 32 : rows > 256 ? 256 : rows;
}

struct Scratch {
  int64_t width;             // n_factors rounded up to a block
  int64_t panel_size;        // ratings a panel holds
  float* panel;              // panel_size × width
  float* side;               // panel_size × 2: target, 1
  float* A;                  // width × width
  float* border;             // 2 × width: b, then Σ y_i
  float* inverses;           // width × 16: the inverse of each diagonal block of Uᵀ
  float* inverse_diagonal;   // width
  float* z;                  // width
  float* w;                  // width: the border of the factor
  // In double precision, the bias behind the factors: width + 16.
  double* precise_x;
  double* residual;
  double* direction;
  double* product;

  static int64_t bytes(int64_t n_factors) {
    const int64_t width = round_up(n_factors, kBlock);
    const int64_t side = round_up(2 * panel_rows(width), kBlock);
    return (panel_rows(width) * width + side + width * width + (5 + kBlock) * width) * 4 + 4 * (width + kBlock) * 8;
  }

  Scratch(int64_t n_factors, void* memory)
      : width(round_up(n_factors, kBlock)), panel_size(panel_rows(width)) {
    float* next = static_cast<float*>(memory);
    auto take = [&next](int64_t n) {
      float* taken = next;
      next += n;
      return taken;
    };
    panel = take(panel_size * width);
    side = take(round_up(2 * panel_size, kBlock));
    A = take(width * width);
    border = take(2 * width);
    inverses = take(width * kBlock);
    inverse_diagonal = take(width);
    z = take(width);
    w = take(width);
    double** precise[] = {&precise_x, &residual, &direction, &product};
    for (double** vector : precise) *vector = reinterpret_cast<double*>(take(2 * (width + kBlock)));
    // What lies beyond n_factors in the panel is never written again, and so stays zero.
    for (int64_t i = 0; i < panel_size * width; ++i) panel[i] = 0.0f;
  }
};

// The sums of a row that belong to no factor: Σ t², Σ t, Σ 1.
struct BorderSums {
  double targets_squared = 0, targets = 0, ones = 0;
};

// Asks for the factors of ratings to come, a few at a time while others are being worked on.
struct Prefetcher {
  const RowProblem& problem;
  int64_t next, end;

  void advance(int64_t n) {
    for (int64_t last = next + n < end ? next + n : end; next < last; ++next) {
      const float* row = problem.fixed + int64_t(problem.columns[next]) * problem.n_factors;
      for (int64_t f = 0; f < problem.n_factors; f += 16) __builtin_prefetch(row + f, 0, 2);
    }
  }
};

static inline void copy_factors(const RowProblem& problem, int64_t column, float* to) {
  const int64_t n_factors = problem.n_factors;
  const float* from = problem.fixed + column * n_factors;
  int64_t f = 0;
  for (; f + kLanes <= n_factors; f += kLanes) store(to + f, load(from + f));
  for (; f + 4 <= n_factors; f += 4) __builtin_memcpy(to + f, from + f, 16);
  for (; f < n_factors; ++f) to[f] = from[f];
}

static inline void gather(const RowProblem& problem, int64_t begin, int64_t end, Scratch& scratch) {
  const RowProblem local = problem;  // its members cannot then alias what is stored
  const int32_t* columns = local.columns + begin;
  const int64_t n = end - begin, width = scratch.width;
  float* panel = scratch.panel;
  for (int64_t p = 0; p < n; ++p) copy_factors(local, columns[p], panel + p * width);
  float* side = scratch.side;
  for (int64_t p = 0; p < n; ++p) {
    float target = local.values[begin + p] - local.offset;
    if (local.column_biases) target -= local.column_biases[columns[p]];
    side[2 * p] = target;
    side[2 * p + 1] = 1.0f;
  }
}

static inline void add_sums(const float* side, int64_t n, BorderSums& sums) {
  // Four chains hide the latency of the additions; a panel is short enough for their single precision.
  float squared[4] = {}, plain[4] = {};
  for (int64_t p = 0; p < n; ++p) {
    squared[p % 4] += side[2 * p] * side[2 * p];
    plain[p % 4] += side[2 * p];
  }
  sums.targets_squared += double(squared[0]) + squared[1] + squared[2] + squared[3];
  sums.targets += double(plain[0]) + plain[1] + plain[2] + plain[3];
  sums.ones += double(n);
}

template <Update update>
static inline void add_panel(int64_t depth, Scratch& scratch, Prefetcher& prefetcher) {
  const int64_t width = scratch.width;
  const int64_t share = (scratch.panel_size * kTileRows + width - 1) / width;
  for (int64_t r = 0; r < width; r += kTileRows) {
    prefetcher.advance(share);
    tile_row<kTileRows, update>(scratch.panel + r, width, scratch.panel, width, depth, r / kBlock * kBlock,
                                width, scratch.A + r * width, width);
  }
  tile_row<2, update>(scratch.side, 2, scratch.panel, width, depth, 0, width, scratch.border, width);
}

static inline BorderSums accumulate(const RowProblem& problem, int64_t begin, int64_t end, int64_t chunk_end,
                                    Scratch& scratch) {
  BorderSums sums;
  for (int64_t first = begin; first < end; first += scratch.panel_size) {
    const int64_t last = first + scratch.panel_size < end ? first + scratch.panel_size : end;
    gather(problem, first, last, scratch);
    add_sums(scratch.side, last - first, sums);
    const int64_t ahead = last + scratch.panel_size < chunk_end ? last + scratch.panel_size : chunk_end;
    Prefetcher prefetcher{problem, last, ahead};
    if (first == begin)
      add_panel<Update::assign>(last - first, scratch, prefetcher);
    else
      add_panel<Update::add>(last - first, scratch, prefetcher);
  }
  return sums;
}

// Adds the prior to the diagonal and factorises. A plain least squares (ridge 0) may be singular: false then
// asks for another try with the smallest ridge that single precision can see, and so on upwards.
constexpr int kFactorizations = 20;
static inline bool factorize(const RowProblem& problem, float ridge, Scratch& scratch) {
  const int64_t width = scratch.width;
  for (int64_t f = 0; f < width; ++f)
    scratch.A[f * width + f] += f < problem.n_factors ? ridge : 1.0f;
  return cholesky(scratch.A, width, scratch.inverse_diagonal, scratch.inverses);
}

static inline float trace(const RowProblem& problem, const Scratch& scratch) {
  float sum = 0;
  for (int64_t f = 0; f < problem.n_factors; ++f) sum += scratch.A[f * scratch.width + f];
  return sum;
}

static inline double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double(a[i]) * b[i];
  return sum;
}

// The border of the factor and what it leaves for the bias.
struct Border {
  bool present;
  double pivot;
};

static inline double solve_bordered(const Border& border, double bias_side, Scratch& scratch) {
  double bias = 0;
  if (border.present) {
    bias = (bias_side - dot(scratch.w, scratch.z, scratch.width)) / border.pivot;
    for (int64_t f = 0; f < scratch.width; ++f) scratch.z[f] -= float(bias) * scratch.w[f];
  }
  solve_backward(scratch.A, scratch.width, scratch.inverses, scratch.z);
  return bias;
}

// out = targets · b − A x from the ratings themselves, in double precision, with targets 1 or 0; returns
// Σ (targets · t − yᵀx − bias)².
static inline double find_residual(const RowProblem& problem, int64_t begin, int64_t end, float ridge,
                                   double targets, const double* x, double* out, Scratch& scratch) {
  typedef float HalfVec __attribute__((vector_size(MATINEE_LANES * 2), aligned(4), may_alias));
  typedef double DoubleVec __attribute__((vector_size(MATINEE_LANES * 4)));
  typedef double LooseDoubleVec __attribute__((vector_size(MATINEE_LANES * 4), aligned(8), may_alias));
  constexpr int64_t lanes = kLanes / 2;
  const int64_t width = scratch.width;
  const double bias = x[width];
  for (int64_t f = 0; f <= width; ++f) out[f] = -double(ridge) * x[f];
  double squared_error = 0, error_sum = 0;
  for (int64_t first = begin; first < end; first += scratch.panel_size) {
    const int64_t last = first + scratch.panel_size < end ? first + scratch.panel_size : end;
    // A row of one panel still has it in place.
    if (end - begin > scratch.panel_size) gather(problem, first, last, scratch);
    for (int64_t p = 0; p < last - first; ++p) {
      const float* factors = scratch.panel + p * width;
      DoubleVec products[2] = {};
      for (int64_t f = 0; f < width; f += 2 * lanes)
        for (int64_t half = 0; half < 2; ++half) {
          const int64_t at = f + half * lanes;
          products[half] += __builtin_convertvector(*reinterpret_cast<const HalfVec*>(factors + at), DoubleVec) *
                            *reinterpret_cast<const LooseDoubleVec*>(x + at);
        }
      products[0] += products[1];
      double error = targets * scratch.side[2 * p] - bias;
      for (int64_t lane = 0; lane < lanes; ++lane) error -= products[0][lane];
      squared_error += error * error;
      error_sum += error;
      for (int64_t f = 0; f < width; f += lanes)
        *reinterpret_cast<LooseDoubleVec*>(out + f) +=
            error * __builtin_convertvector(*reinterpret_cast<const HalfVec*>(factors + f), DoubleVec);
    }
  }
  out[width] = problem.biases ? out[width] + error_sum : 0;
  return squared_error;
}

// About A's condition number, from what the factorisation leaves: trace over smallest pivot.
static inline float condition(const RowProblem& problem, float trace, const Scratch& scratch) {
  float largest = 0;
  for (int64_t f = 0; f < problem.n_factors; ++f) {
    const float inverse = scratch.inverse_diagonal[f];
    largest = inverse > largest ? inverse : largest;
  }
  return trace * largest * largest;
}

// Single precision alone misses by up to 2e-7 times the condition number: 1e-4 at the least of these bounds.
// With more ratings than factors it misses less, and the other bound is the usual size of well-posed ratings.
static inline float refined_condition(int64_t n_ratings, int64_t n_factors) {
  return n_ratings < n_factors ? 100.0f : 200.0f + float(n_factors);
}
// to = A⁻¹ · from, as well as the factor knows it.
static inline void apply_factor(const Border& border, const double* from, double* to, Scratch& scratch) {
  const int64_t width = scratch.width;
  // The second column of the forward solve has nothing to do here.
  float* idle = scratch.border;
  for (int64_t f = 0; f < width; ++f) {
    scratch.z[f] = float(from[f]);
    idle[f] = 0.0f;
  }
  solve_forward(scratch.A, width, scratch.inverses, scratch.z, idle);
  to[width] = solve_bordered(border, from[width], scratch);
  for (int64_t f = 0; f < width; ++f) to[f] = scratch.z[f];
}

static inline double dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

constexpr int kRefinements = 100;

// Conjugate gradients on the ratings themselves, with the factor as the preconditioner. Where the factor is
// any good the first correction is the last; where rounding has spoilt it, a few dozen steps mend that.
static inline void refine(const RowProblem& problem, int64_t begin, int64_t end, float ridge,
                          const Border& border, Scratch& scratch) {
  const int64_t size = scratch.width + 1;
  double *x = scratch.precise_x, *residual = scratch.residual, *direction = scratch.direction,
         *product = scratch.product;
  find_residual(problem, begin, end, ridge, 1, x, residual, scratch);
  apply_factor(border, residual, direction, scratch);
  // A correction leaves about its own relative size of the error: after 1e-3 of x, 1e-6 is left.
  if (dot(direction, direction, size) <= 1e-6 * dot(x, x, size)) {
    for (int64_t f = 0; f < size; ++f) x[f] += direction[f];
    return;
  }
  double decrease = dot(residual, direction, size);
  for (int step = 0; step < kRefinements; ++step) {
    find_residual(problem, begin, end, ridge, 0, direction, product, scratch);
    const double curvature = -dot(direction, product, size);
    if (!(curvature > 0)) return;
    const double length = decrease / curvature;
    for (int64_t f = 0; f < size; ++f) {
      x[f] += length * direction[f];
      residual[f] += length * product[f];
    }
    apply_factor(border, residual, product, scratch);
    if (dot(product, product, size) <= 1e-12 * dot(x, x, size)) return;
    const double next_decrease = dot(residual, product, size);
    const double momentum = next_decrease / decrease;
    decrease = next_decrease;
    for (int64_t f = 0; f < size; ++f) direction[f] = product[f] + momentum * direction[f];
  }
}

static inline void answer_empty_row(const RowProblem& problem, int64_t row) {
  for (int64_t f = 0; f < problem.n_factors; ++f) problem.solution[row * problem.n_factors + f] = 0.0f;
  if (problem.biases) problem.biases[row] = 0.0f;
  if (problem.squared_errors) problem.squared_errors[row] = 0;
  if (problem.penalties) problem.penalties[row] = 0;
}

static inline void report(const RowProblem& problem, int64_t row, double least_objective,
                          double targets_squared, Scratch& scratch) {
  const int64_t n_factors = problem.n_factors, width = scratch.width;
  const double* x = scratch.precise_x;
  for (int64_t f = 0; f < n_factors; ++f) problem.solution[row * n_factors + f] = float(x[f]);
  if (problem.biases) problem.biases[row] = float(x[width]);
  const float ridge = problem.ridge[row];
  const double penalty = ridge * dot(x, x, width + 1);
  if (problem.penalties) problem.penalties[row] = penalty;
  if (!problem.squared_errors) return;
  // At the minimum the squared error follows from the factorisation, but for what rounding hides.
  double squared_error = least_objective - penalty;
  if (squared_error < 0.05 * targets_squared)
    squared_error = find_residual(problem, problem.indptr[row], problem.indptr[row + 1], ridge, 1, x,
                                  scratch.residual, scratch);
  problem.squared_errors[row] = squared_error;
}

static inline void solve_row(const RowProblem& problem, int64_t row, int64_t chunk_end, Scratch& scratch) {
  const int64_t begin = problem.indptr[row], end = problem.indptr[row + 1], width = scratch.width;
  if (begin == end) return answer_empty_row(problem, row);
  BorderSums sums = accumulate(problem, begin, end, chunk_end, scratch);
  const float size = trace(problem, scratch);
  float ridge = problem.ridge[row];
  for (int attempt = 0; !factorize(problem, ridge, scratch); ++attempt) {
    if (attempt == kFactorizations) return answer_empty_row(problem, row);  // factors that are not finite
    accumulate(problem, begin, end, chunk_end, scratch);
    const float smallest = 1e-6f * size / float(problem.n_factors) + 1e-30f;
    ridge = ridge * 4 > smallest ? ridge * 4 : smallest;
  }
  for (int64_t f = 0; f < width; ++f) {
    scratch.z[f] = scratch.border[f];
    scratch.w[f] = scratch.border[width + f];
  }
  solve_forward(scratch.A, width, scratch.inverses, scratch.z, scratch.w);
  Border border{problem.biases != nullptr, 0};
  // A factor of another ridge tells nothing of the minimum: 0 has the error summed up.
  const bool own_ridge = ridge == problem.ridge[row];
  double least_objective = own_ridge ? sums.targets_squared - dot(scratch.z, scratch.z, width) : 0;
  if (border.present) {
    const double pivot = sums.ones + ridge - dot(scratch.w, scratch.w, width);
    border.pivot = pivot > 1e-6 * sums.ones ? pivot : 1e-6 * sums.ones;
    const double left = sums.targets - dot(scratch.w, scratch.z, width);
    least_objective -= left * left / border.pivot;
  }
  scratch.precise_x[width] = solve_bordered(border, sums.targets, scratch);
  for (int64_t f = 0; f < width; ++f) scratch.precise_x[f] = scratch.z[f];
  if (problem.refine_always || condition(problem, size, scratch) > refined_condition(end - begin, problem.n_factors))
    refine(problem, begin, end, problem.ridge[row], border, scratch);
  report(problem, row, least_objective, sums.targets_squared, scratch);
}

static inline void solve_rows(const RowProblem& problem, int64_t first, int64_t last, void* memory) {
  Scratch scratch(problem.n_factors, memory);
  for (int64_t row = first; row < last; ++row) solve_row(problem, row, problem.indptr[last], scratch);
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
