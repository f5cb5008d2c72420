// The kernels against double precision, for processors that the tests can only emulate.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "levels/level.hpp"

using namespace matinee;

static double uniform() { return std::rand() / double(RAND_MAX) - 0.5; }

// (YᵀY + ridge·I)⁻¹ Yᵀ t by Gaussian elimination.
static std::vector<double> reference(const float* fixed, int64_t k, const int32_t* columns, const float* values,
                                     int64_t n, double ridge) {
  std::vector<double> A(k * (k + 1), 0.0);
  for (int64_t f = 0; f < k; ++f) A[f * (k + 1) + f] = ridge;
  for (int64_t j = 0; j < n; ++j)
    for (int64_t f = 0; f < k; ++f) {
      const double y = fixed[columns[j] * k + f];
      for (int64_t g = 0; g < k; ++g) A[f * (k + 1) + g] += y * fixed[columns[j] * k + g];
      A[f * (k + 1) + k] += y * values[j];
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

int main() {
  const int64_t n_columns = 90, lengths[] = {1, 20, 0, 90, 55};
  double worst = 0;
  for (int64_t k : {1, 10, 16, 33, 64, 100}) {
    std::vector<float> fixed(n_columns * k), solution(5 * k), values;
    for (float& each : fixed) each = float(uniform());
    std::vector<int64_t> indptr{0};
    std::vector<int32_t> columns;
    for (int64_t length : lengths) {
      for (int64_t j = 0; j < length; ++j) {
        columns.push_back(int32_t(j));
        values.push_back(float(1 + std::rand() % 5));
      }
      indptr.push_back(int64_t(columns.size()));
    }
    const std::vector<float> ridge(5, 0.5f);
    RowProblem problem{};
    problem.indptr = indptr.data();
    problem.columns = columns.data();
    problem.values = values.data();
    problem.fixed = fixed.data();
    problem.n_fixed = n_columns;
    problem.n_factors = k;
    problem.ridge = ridge.data();
    problem.longest_row = n_columns;
    problem.solution = solution.data();
    std::vector<double> scratch(kBaseline.scratch_bytes(k, problem.longest_row) / 8 + 8);
    kBaseline.solve_rows(problem, 0, 5, scratch.data());
    for (int64_t row = 0; row < 5; ++row) {
      const int64_t n = indptr[row + 1] - indptr[row];
      const auto expected = reference(fixed.data(), k, columns.data() + indptr[row], values.data() + indptr[row], n, 0.5);
      double error = 0, size = 1e-30;
      for (int64_t f = 0; f < k; ++f) {
        const double difference = solution[row * k + f] - (n ? expected[f] : 0.0);
        error += difference * difference;
        size += expected[f] * expected[f];
      }
      worst = std::max(worst, std::sqrt(error / size));
    }
  }
  std::printf("%.3g\n", worst);
  return worst < 1e-4 ? 0 : 1;
}
