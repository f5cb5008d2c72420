// Solves a row that is beyond single precision: in double precision, by a QR decomposition of the prior's root over the
// ratings' factors. That squares no condition number, so it solves rows that even normal equations in double precision
// can't. It takes about 3 n k² double-precision multiplications, which rare rows can afford.
#pragma once

#include "rows/row_objective.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// The rows R of the decomposition RᵀR = A, with the transformed right-hand side behind each. Factors come first, the
// bias is at `width`, and the right-hand side behind it.
struct Triangle {
  double* rows;
  int64_t n_factors, width, stride;
  bool has_bias;

  Triangle(const RowProblem& problem, const Scratch& scratch)
      : rows(scratch.triangle),
        n_factors(problem.n_factors),
        width(scratch.width),
        stride(scratch.width + kBlock),
        has_bias(problem.biases != nullptr) {}

  int64_t n_pivots() const { return n_factors + has_bias; }
  int64_t place(int64_t pivot) const { return pivot < n_factors ? pivot : width; }
  double* row(int64_t place) const { return rows + place * stride; }
  int64_t right_side() const { return width + 1; }
};

// A ridge that keeps the decomposition regular where there is none: it is lost in the rounding of a matrix of this size.
static inline double least_ridge(const RowProblem& problem, int64_t row, Scratch& scratch) {
  double sum = 1e-200;
  for (int64_t rating = problem.indptr[row]; rating < problem.indptr[row + 1]; ++rating) {
    copy_precisely(problem, rating, 1, scratch.rotated);
    sum += precise_terms(problem, rating).weight * dot(scratch.rotated, scratch.rotated, problem.n_factors);
  }
  return 1e-24 * sum;
}

// The prior, the ridge and the shift, as a matrix and its right-hand side.
static inline void start_triangle(const RowProblem& problem, int64_t row, double ridge, const Triangle& triangle) {
  for (int64_t i = 0; i < (triangle.width + 1) * triangle.stride; ++i) triangle.rows[i] = 0;
  const int64_t width = triangle.width, right_side = triangle.right_side();
  const float* shift = problem.shift ? problem.shift + row * problem.shift_stride : nullptr;
  for (int64_t f = 0; f < triangle.n_factors; ++f) {
    double* of_factor = triangle.row(f);
    for (int64_t g = f; problem.precise_prior && g < width; ++g) of_factor[g] = problem.precise_prior[f * width + g];
    of_factor[f] += ridge;
    if (problem.prior_border) of_factor[width] = problem.prior_border[f];
    if (shift) of_factor[right_side] = shift[f];
  }
  triangle.row(width)[width] = ridge + (problem.prior_border ? problem.prior_corner : 0);
  if (shift) triangle.row(width)[right_side] = shift[triangle.n_factors];
  // A seen item counts as 1 among the unobserved too. Its factors are in the prior, so that this is part of the shift.
  for (int64_t rating = problem.indptr[row]; rating < problem.indptr[row + 1]; ++rating) {
    const double unobserved = precise_terms(problem, rating).unobserved;
    const float* factors = problem.fixed + int64_t(problem.columns[rating]) * triangle.n_factors;
    for (int64_t f = 0; unobserved > 0 && f < triangle.n_factors; ++f)
      triangle.row(f)[right_side] += unobserved * factors[f];
  }
}

// A pivot smaller than this share of its diagonal is rounding.
constexpr double kLeastPivot = 1e-15;

// The Cholesky decomposition of what start_triangle has written, in place.
static inline void factorize_prior(const RowProblem& problem, double ridge, const Triangle& triangle) {
  for (int64_t pivot = 0; pivot < triangle.n_pivots(); ++pivot) {
    const int64_t place = triangle.place(pivot);
    double* row = triangle.row(place);
    const double diagonal = place == triangle.width ? problem.prior_corner
                            : problem.precise_prior ? problem.precise_prior[place * triangle.width + place]
                                                    : 0;
    const double least = kLeastPivot * diagonal > ridge ? kLeastPivot * diagonal : kLeastPivot * ridge;
    const double root = __builtin_sqrt(row[place] > least ? row[place] : least);
    row[place] = root;
    for (int64_t g = place + 1; g < triangle.stride; ++g) row[g] /= root;
    for (int64_t below = pivot + 1; problem.precise_prior && below < triangle.n_pivots(); ++below) {
      double* other = triangle.row(triangle.place(below));
      const double share = row[triangle.place(below)];
      for (int64_t g = triangle.place(below); g < triangle.stride; ++g) other[g] -= share * row[g];
    }
  }
}

// Adds a rating, in scratch.rotated, by Givens rotations that each take one factor out of it.
static inline void rotate_in(const Triangle& triangle, double* rotated) {
  typedef double DoubleVec __attribute__((vector_size(MATINEE_LANES * 4), aligned(8), may_alias));
  constexpr int64_t lanes = kLanes / 2;
  for (int64_t pivot = 0; pivot < triangle.n_pivots(); ++pivot) {
    const int64_t place = triangle.place(pivot);
    double* row = triangle.row(place);
    const double upper = row[place], lower = rotated[place];
    if (lower == 0) continue;
    const double length = __builtin_sqrt(upper * upper + lower * lower);
    const double cosine = upper / length, sine = lower / length;
    for (int64_t g = place / lanes * lanes; g < triangle.stride; g += lanes) {
      DoubleVec& above = *reinterpret_cast<DoubleVec*>(row + g);
      DoubleVec& below = *reinterpret_cast<DoubleVec*>(rotated + g);
      const DoubleVec kept = cosine * above + sine * below;
      below = cosine * below - sine * above;
      above = kept;
    }
    rotated[place] = 0;
  }
}

// R x = right-hand side, for numbers of this precision: each that is found makes up for the rounding of those before it,
// which costs less than rounding all of them at the end, though the numbers themselves may come to lie further off.
template <class Number>
static inline void solve_triangle(const Triangle& triangle, double* x) {
  for (int64_t f = 0; f <= triangle.width; ++f) x[f] = 0;
  for (int64_t pivot = triangle.n_pivots() - 1; pivot >= 0; --pivot) {
    const int64_t place = triangle.place(pivot);
    const double* row = triangle.row(place);
    const double known = dot(row + place + 1, x + place + 1, triangle.width - place);
    x[place] = Number((row[triangle.right_side()] - known) / row[place]);
  }
}

// Decomposes the row; returns the least objective that it can have.
static inline double decompose(const RowProblem& problem, int64_t row, const Triangle& triangle, Scratch& scratch) {
  const double given = problem.ridge[row];
  const double ridge = given > 0 ? given : least_ridge(problem, row, scratch);
  start_triangle(problem, row, ridge, triangle);
  factorize_prior(problem, ridge, triangle);
  double minimum = 0;
  for (int64_t pivot = 0; pivot < triangle.n_pivots(); ++pivot) {
    const double share = triangle.row(triangle.place(pivot))[triangle.right_side()];
    minimum -= share * share;
  }
  double* rotated = scratch.rotated;
  for (int64_t rating = problem.indptr[row]; rating < problem.indptr[row + 1]; ++rating) {
    if (is_stopped(problem)) break;
    const PreciseTerms terms = precise_terms(problem, rating);
    const double root = __builtin_sqrt(terms.weight);
    copy_precisely(problem, rating, root, rotated);
    for (int64_t f = triangle.n_factors; f < triangle.stride; ++f) rotated[f] = 0;
    rotated[triangle.width] = triangle.has_bias ? root : 0;
    rotated[triangle.right_side()] = root * terms.target;
    rotate_in(triangle, rotated);
    const double left = rotated[triangle.right_side()];
    minimum += left * left + terms.unobserved;
  }
  return minimum;
}

// How much higher than the minimum the objective of x is: ‖R x − right-hand side‖². Nothing cancels in it, so that it
// tells answers apart that rounding alone has moved.
static inline double excess_at(const Triangle& triangle, const double* x) {
  double excess = 0;
  for (int64_t pivot = 0; pivot < triangle.n_pivots(); ++pivot) {
    const int64_t place = triangle.place(pivot);
    const double* row = triangle.row(place);
    const double missed = row[triangle.right_side()] - dot(row + place, x + place, triangle.width + 1 - place);
    excess += missed * missed;
  }
  return excess;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
