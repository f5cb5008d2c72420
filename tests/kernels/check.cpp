// The kernels of the baseline level against double precision, without Python: for processors that the tests can only
// emulate, and for constants other than the usual ones. Prints the largest relative error.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "aligned_memory.hpp"
#include "gram_parts.hpp"
#include "levels/level.hpp"
#include "problems/packed_factors.hpp"
#include "problems/padded_prior.hpp"
#include "ranking_parts.hpp"

using namespace matinee;

constexpr int64_t kColumns = 600;
constexpr int64_t kLengths[] = {1, 20, 0, 90, 55};
constexpr int64_t kRows = 5;
constexpr double kRidge = 0.5;

static double uniform() { return std::rand() / double(RAND_MAX) - 0.5; }

static double relative_error(const std::vector<double>& found, const std::vector<double>& expected) {
  double error = 0, size = 1e-30;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += (found[i] - expected[i]) * (found[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  return std::isfinite(error) ? std::sqrt(error / size) : 1e30;
}

// The numbers of a side and of its ratings, and what else a problem points to.
struct Ratings {
  explicit Ratings(int64_t k) : k(k), memory(kColumns * k * int64_t(sizeof(float))), prior(k * k) {
    fixed = static_cast<float*>(memory.start);
    for (int64_t i = 0; i < kColumns * k; ++i) fixed[i] = float(uniform());
    for (int64_t length : kLengths) {
      for (int64_t j = 0; j < length; ++j) {
        columns.push_back(int32_t(j));
        values.push_back(float(1 + std::rand() % 5));
      }
      indptr.push_back(int64_t(columns.size()));
    }
    for (int64_t f = 0; f < k; ++f)
      for (int64_t g = 0; g < k; ++g) prior[f * k + g] = f == g ? 1.0 + double(f % 3) : 0.2 / double(k);
  }

  int64_t k;
  AlignedMemory memory;
  float* fixed;
  std::vector<int64_t> indptr{0};
  std::vector<int32_t> columns;
  std::vector<float> values;
  std::vector<double> prior;
};

// (prior + YᵀY + ridge·I)⁻¹ Yᵀ t by Gaussian elimination.
static std::vector<double> reference(const Ratings& ratings, int64_t row, bool with_prior) {
  const int64_t k = ratings.k;
  std::vector<double> A(k * (k + 1), 0.0);
  for (int64_t f = 0; f < k; ++f) {
    for (int64_t g = 0; with_prior && g < k; ++g) A[f * (k + 1) + g] = ratings.prior[f * k + g];
    A[f * (k + 1) + f] += kRidge;
  }
  for (int64_t j = ratings.indptr[row]; j < ratings.indptr[row + 1]; ++j) {
    const float* y = ratings.fixed + ratings.columns[j] * k;
    for (int64_t f = 0; f < k; ++f) {
      for (int64_t g = 0; g < k; ++g) A[f * (k + 1) + g] += double(y[f]) * y[g];
      A[f * (k + 1) + k] += double(y[f]) * ratings.values[j];
    }
  }
  for (int64_t p = 0; p < k; ++p)
    for (int64_t f = 0; f < k; ++f) {
      if (f == p) continue;
      const double share = A[f * (k + 1) + p] / A[p * (k + 1) + p];
      for (int64_t g = p; g <= k; ++g) A[f * (k + 1) + g] -= share * A[p * (k + 1) + g];
    }
  std::vector<double> x(k);
  for (int64_t f = 0; f < k; ++f) x[f] = A[f * (k + 1) + k] / A[f * (k + 1) + f];
  return x;
}

static double check_rows(const Ratings& ratings, Solver solver, bool with_prior) {
  const int64_t k = ratings.k;
  const std::vector<float> ridge(kRows, float(kRidge));
  std::vector<float> solution(kRows * k);
  const PaddedPrior prior(with_prior ? ratings.prior.data() : nullptr, k, false);
  RowProblem problem{};
  problem.indptr = ratings.indptr.data();
  problem.columns = ratings.columns.data();
  problem.values = ratings.values.data();
  problem.fixed = ratings.fixed;
  problem.n_fixed = kColumns;
  problem.n_factors = k;
  problem.scattered = can_use_in_place(problem);
  problem.ridge = ridge.data();
  problem.prior = with_prior ? prior.single.data() : nullptr;
  problem.precise_prior = with_prior ? prior.precise.data() : nullptr;
  problem.solver = solver;
  problem.n_steps = 100;
  problem.longest_row = 90;
  problem.solution = solution.data();
  const AlignedMemory scratch(kBaseline.scratch_bytes(k, problem.longest_row));
  kBaseline.solve_rows(problem, 0, kRows, scratch.start);
  double worst = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    const float* found = solution.data() + row * k;
    worst = std::max(worst, relative_error({found, found + k}, reference(ratings, row, with_prior)));
  }
  return worst;
}

static double check_gram(const Ratings& ratings) {
  const int64_t k = ratings.k;
  std::vector<double> found(k * k), expected(k * k, 0.0);
  auto in_turn = [](int64_t n_parts, auto work) {
    for (int64_t part = 0; part < n_parts; ++part) work(part);
  };
  gram_in_parts(kBaseline, ratings.fixed, kColumns, k, in_turn, found.data());
  for (int64_t i = 0; i < kColumns; ++i)
    for (int64_t f = 0; f < k; ++f)
      for (int64_t g = 0; g < k; ++g) {
        const float* y = ratings.fixed + i * k;
        expected[f * k + g] += double(y[f]) * y[g];
      }
  return relative_error(found, expected);
}

// The scores of the best ten, of so many queries that they fill more than a group; by two threads' heaps, in turn.
static double check_ranking(const Ratings& ratings, bool rounds) {
  constexpr int64_t n = 10, n_queries = 70;
  const int64_t k = ratings.k;
  const PackedFactors packed(ratings.fixed, kColumns, k, nullptr, rounds);
  const auto last_offsets = packed.last_offsets(nullptr);
  std::vector<int32_t> best(n_queries * n);
  std::vector<float> scores(n_queries * n);
  RankingProblem problem{};
  problem.packed = packed.packed();
  problem.last_offsets = last_offsets.data();
  problem.n_columns = kColumns;
  problem.n_factors = k;
  problem.queries = ratings.fixed;
  problem.n = n;
  if (rounds) {
    problem.rounded = packed.rounded()->rounded();
    problem.bounds = packed.rounded()->bounds();
    problem.rounded_slack = packed.rounded()->slack();
  }
  RankingParts parts(kBaseline, problem, n_queries, 2, best.data(), scores.data());
  for (int64_t part = 0; part < parts.count(); ++part) parts.rank(part, int(part % 2));
  parts.finish();
  std::vector<double> expected;
  for (int64_t q = 0; q < n_queries; ++q) {
    std::vector<double> all(kColumns);
    for (int64_t i = 0; i < kColumns; ++i)
      all[i] = std::inner_product(ratings.fixed + q * k, ratings.fixed + (q + 1) * k, ratings.fixed + i * k, 0.0);
    std::sort(all.rbegin(), all.rend());
    expected.insert(expected.end(), all.begin(), all.begin() + n);
  }
  return relative_error({scores.begin(), scores.end()}, expected);
}

// Whether a pack whose bytes rule it out is passed over: here its factors say that its columns were the best.
static double check_passing_over(const Ratings& ratings) {
  std::vector<float> changed(ratings.fixed, ratings.fixed + kColumns * ratings.k);
  const int64_t pack = 3, first = pack * kPackWidth * ratings.k, last = first + kPackWidth * ratings.k;
  std::fill(changed.begin() + first, changed.begin() + last, 0.0f);
  const PackedFactors truth(changed.data(), kColumns, ratings.k, nullptr, true);
  for (int64_t i = first; i < last; ++i) changed[i] = 1e3f * ratings.fixed[i % ratings.k];
  const PackedFactors other(changed.data(), kColumns, ratings.k, nullptr);
  const auto last_offsets = truth.last_offsets(nullptr);
  int32_t best;
  float score;
  RankingProblem problem{};
  problem.packed = other.packed();
  problem.rounded = truth.rounded()->rounded();
  problem.bounds = truth.rounded()->bounds();
  problem.rounded_slack = truth.rounded()->slack();
  problem.last_offsets = last_offsets.data();
  problem.n_columns = kColumns;
  problem.n_factors = ratings.k;
  problem.queries = ratings.fixed;
  problem.n = 1;
  RankingParts parts(kBaseline, problem, 1, 1, &best, &score);
  parts.rank(0, 0);
  return best / kPackWidth == pack ? 1 : 0;
}

int main() {
  double worst = 0;
  for (int64_t k : {1, 10, 16, 33, 64, 100}) {
    const Ratings ratings(k);
    worst = std::max({worst, check_gram(ratings), check_ranking(ratings, false), check_ranking(ratings, true)});
    if (kBaseline.scans_bytes) worst = std::max(worst, check_passing_over(ratings));
    for (bool with_prior : {false, true}) {
      worst = std::max(worst, check_rows(ratings, Solver::cholesky, with_prior));
      worst = std::max(worst, check_rows(ratings, Solver::conjugate_gradient, with_prior));
      worst = std::max(worst, check_rows(ratings, Solver::subspace, with_prior));
    }
  }
  std::printf("%.3g\n", worst);
  return worst < 1e-4 ? 0 : 1;
}
