// Predicted values of pairs.
#include <algorithm>
#include <utility>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/run.hpp"
#include "levels/dispatch.hpp"

using namespace nanobind::literals;

namespace matinee {
namespace {

constexpr int64_t kPairsPerChunk = 1 << 15;

void predict(Vector<int32_t> rows, Vector<int32_t> columns, Matrix<float> row_factors, Matrix<float> column_factors,
             std::optional<Matrix<float>> row_biases, std::optional<Matrix<float>> column_biases, int64_t n_samples,
             float offset, float low, float high, OutVector<float> predicted, int n_threads) {
  const int64_t n = rows.shape(0);
  require(int64_t(columns.shape(0)) == n && int64_t(predicted.shape(0)) == n,
          "rows, columns and predicted must be of one length");
  require(row_factors.shape(1) == column_factors.shape(1), "factors must be of one rank");
  require(n_samples > 0 && int64_t(row_factors.shape(1)) % n_samples == 0, "samples must be of one rank");
  for (const auto& [biases, factors] : {std::pair{row_biases, row_factors}, {column_biases, column_factors}})
    require(!biases || (biases->shape(0) == factors.shape(0) && int64_t(biases->shape(1)) == n_samples),
            "biases must match factors and samples");
  for (int64_t i = 0; i < n; ++i)
    require(rows.data()[i] < int64_t(row_factors.shape(0)) && columns.data()[i] < int64_t(column_factors.shape(0)),
            "a row or column lies outside the factors");
  PredictionProblem problem{};
  problem.rows = rows.data();
  problem.columns = columns.data();
  problem.row_factors = row_factors.data();
  problem.column_factors = column_factors.data();
  problem.row_biases = data_or_null(row_biases);
  problem.column_biases = data_or_null(column_biases);
  problem.n_samples = n_samples;
  problem.n_factors = int64_t(row_factors.shape(1)) / n_samples;
  problem.offset = offset;
  problem.low = low;
  problem.high = high;
  problem.predicted = predicted.data();
  run((n + kPairsPerChunk - 1) / kPairsPerChunk, n_threads, [&](int64_t chunk, int) {
    const int64_t first = chunk * kPairsPerChunk;
    level->predict(problem, first, std::min(first + kPairsPerChunk, n));
  });
}

}  // namespace

void bind_prediction(nb::module_& module) {
  module.def("predict", &predict, "rows"_a, "columns"_a, "row_factors"_a, "column_factors"_a, "row_biases"_a.none(),
             "column_biases"_a.none(), "n_samples"_a, "offset"_a, "low"_a, "high"_a, "predicted"_a, "n_threads"_a);
}

}  // namespace matinee
