// The row problem that every model solves.
#include <nanobind/stl/string.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/row_threads.hpp"
#include "levels/dispatch.hpp"
#include "problems/padded_prior.hpp"

using namespace nanobind::literals;

namespace matinee {
namespace {

Feedback feedback_named(const std::string& name) {
  if (name == "ratings") return Feedback::ratings;
  if (name == "confidence") return Feedback::confidence;
  throw std::invalid_argument("feedback is 'ratings' or 'confidence', not '" + name + "'");
}

Solver solver_named(const std::string& name) {
  if (name == "cholesky") return Solver::cholesky;
  if (name == "cg") return Solver::conjugate_gradient;
  if (name == "subspace") return Solver::subspace;
  throw std::invalid_argument("solver is 'cholesky', 'cg' or 'subspace', not '" + name + "'");
}

// The arrays of a row problem, as Python gives them.
struct RowArrays {
  Vector<int64_t> indptr;
  Vector<int32_t> columns;
  Vector<float> values;
  std::optional<Vector<float>> weights;
  Matrix<float> fixed;
  std::optional<Vector<float>> column_biases;
  std::optional<Matrix<float>> second;
  std::optional<Vector<int32_t>> second_columns;
  std::optional<Vector<float>> second_biases;
  Vector<float> ridge;
  std::optional<Matrix<double>> prior;
  std::optional<Matrix<float>> shift;
  OutMatrix<float> solution;
  std::optional<OutVector<float>> biases;
  std::optional<OutVector<double>> squared_errors;
  std::optional<OutVector<double>> penalties;
};

// The number of rows, once all arrays are known to fit one another.
int64_t count_fitting_rows(const RowArrays& given) {
  const auto& [indptr, columns, values, weights, fixed, column_biases, second, second_columns, second_biases, ridge,
               prior, shift, solution, biases, squared_errors, penalties] = given;
  const int64_t n_rows = count_rows(indptr, columns, values), n_factors = fixed.shape(1);
  require(!weights || weights->shape(0) == values.shape(0), "weights must match values");
  require(n_factors == int64_t(solution.shape(1)) && n_factors > 0, "factors must be of one rank, at least 1");
  require(int64_t(ridge.shape(0)) == n_rows && int64_t(solution.shape(0)) == n_rows,
          "ridge and solution must have a row for each row of ratings");
  require(!column_biases || column_biases->shape(0) == fixed.shape(0), "column_biases must match fixed");
  require(bool(second) == bool(second_columns) && (second || !second_biases), "second needs second_columns");
  require(!second || (int64_t(second->shape(1)) == n_factors && second_columns->shape(0) == values.shape(0)),
          "second must be of the rank of fixed, and second_columns must match values");
  require(!second_biases || second_biases->shape(0) == second->shape(0), "second_biases must match second");
  for (auto* out : {&squared_errors, &penalties})
    require(!*out || int64_t((*out)->shape(0)) == n_rows, "squared_errors and penalties must match solution");
  require(!biases || int64_t(biases->shape(0)) == n_rows, "biases must match solution");
  const int64_t size = n_factors + (biases ? 1 : 0);
  require(!prior || (int64_t(prior->shape(0)) == size && int64_t(prior->shape(1)) == size),
          "prior must be n_factors × n_factors, and one larger with biases");
  require(!shift || (prior && (shift->shape(0) == 1 || int64_t(shift->shape(0)) == n_rows) &&
                     int64_t(shift->shape(1)) == n_factors + 1),
          "shift belongs to a prior and has n_factors + 1 columns, in one row or one for each row of ratings");
  return n_rows;
}

int64_t longest_row(const int64_t* indptr, int64_t n_rows) {
  int64_t longest = 0;
  for (int64_t row = 0; row < n_rows; ++row) longest = std::max(longest, indptr[row + 1] - indptr[row]);
  return longest;
}

RowProblem problem_of(const RowArrays& given, const PaddedPrior& prior, int64_t n_rows) {
  const int64_t n_factors = given.fixed.shape(1);
  RowProblem problem{};
  problem.indptr = given.indptr.data();
  problem.columns = given.columns.data();
  problem.values = given.values.data();
  problem.weights = data_or_null(given.weights);
  problem.fixed = given.fixed.data();
  problem.n_fixed = given.fixed.shape(0);
  problem.n_factors = n_factors;
  problem.column_biases = data_or_null(given.column_biases);
  problem.second = data_or_null(given.second);
  problem.n_second = given.second ? given.second->shape(0) : 0;
  problem.second_columns = data_or_null(given.second_columns);
  problem.second_biases = data_or_null(given.second_biases);
  problem.ridge = given.ridge.data();
  problem.prior = given.prior ? prior.single.data() : nullptr;
  problem.precise_prior = given.prior ? prior.precise.data() : nullptr;
  problem.prior_border = given.prior && given.biases ? prior.border.data() : nullptr;
  problem.prior_corner = prior.corner;
  problem.shift = data_or_null(given.shift);
  problem.shift_stride = given.shift && given.shift->shape(0) == 1 ? 0 : n_factors + 1;
  problem.longest_row = longest_row(problem.indptr, n_rows);
  problem.solution = given.solution.data();
  problem.biases = data_or_null(given.biases);
  problem.squared_errors = data_or_null(given.squared_errors);
  problem.penalties = data_or_null(given.penalties);
  return problem;
}

void solve_rows(Vector<int64_t> indptr, Vector<int32_t> columns, Vector<float> values,
                std::optional<Vector<float>> weights, const std::string& feedback, float confidence, float unobserved,
                Matrix<float> fixed, std::optional<Vector<float>> column_biases, std::optional<Matrix<float>> second,
                std::optional<Vector<int32_t>> second_columns, std::optional<Vector<float>> second_biases,
                float offset, Vector<float> ridge, std::optional<Matrix<double>> prior,
                std::optional<Matrix<float>> shift, float spread, uint64_t seed, bool same_noise,
                const std::string& solver, int64_t n_steps, bool refine_always, OutMatrix<float> solution,
                std::optional<OutVector<float>> biases, std::optional<OutVector<double>> squared_errors,
                std::optional<OutVector<double>> penalties, int n_threads) {
  const RowArrays given{indptr, columns, values, weights,  fixed,  column_biases,  second,   second_columns, second_biases,
                        ridge,  prior,   shift,  solution, biases, squared_errors, penalties};
  const int64_t n_rows = count_fitting_rows(given);
  require(n_threads >= 1 && n_threads <= kMostThreads, "n_threads must be from 1 to 4096");
  const PaddedPrior padded_prior(data_or_null(prior), fixed.shape(1), biases.has_value());
  RowProblem problem = problem_of(given, padded_prior, n_rows);
  problem.feedback = feedback_named(feedback);
  problem.confidence = confidence;
  problem.unobserved = unobserved;
  problem.offset = offset;
  problem.scattered = can_use_in_place(problem);
  problem.spread = spread;
  problem.seed = seed;
  problem.noise_stride = same_noise ? 0 : 1;
  problem.solver = solver_named(solver);
  require(problem.solver == Solver::cholesky || !(biases || shift), "only the solver 'cholesky' finds biases");
  require(!second || (problem.solver == Solver::cholesky && problem.feedback == Feedback::ratings),
          "only the solver 'cholesky' and feedback 'ratings' take second rows");
  problem.n_steps = n_steps;
  problem.refine_always = refine_always;
  RowThreads(problem, n_rows, n_threads).solve();
}

}  // namespace

void bind_rows(nb::module_& module) {
  module.def("solve_rows", &solve_rows, "indptr"_a, "columns"_a, "values"_a,
             "weights"_a.none() = nb::none(), nb::kw_only(), "feedback"_a,
             "confidence"_a, "unobserved"_a, "fixed"_a, "column_biases"_a.none(), "second"_a.none() = nb::none(),
             "second_columns"_a.none() = nb::none(), "second_biases"_a.none() = nb::none(), "offset"_a, "ridge"_a,
             "prior"_a.none(), "shift"_a.none(), "spread"_a, "seed"_a, "same_noise"_a, "solver"_a, "n_steps"_a,
             "refine_always"_a, "solution"_a, "biases"_a.none(), "squared_errors"_a.none(), "penalties"_a.none(),
             "n_threads"_a);
}

}  // namespace matinee
