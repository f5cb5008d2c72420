// The best n columns for each query.
#include <new>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/run.hpp"
#include "levels/dispatch.hpp"
#include "problems/packed_factors.hpp"
#include "ranking_parts.hpp"

using namespace nanobind::literals;

namespace matinee {
namespace {

// Where fewer columns are there for each of the best, few packs could be passed over.
constexpr int64_t kColumnsPerBest = 64;

// Sums of so many products of bytes fit 32 bits.
constexpr int64_t kMostRoundedFactors = int64_t(1) << 15;

// The arrays of a ranking, as Python gives them.
struct RankingArrays {
  Matrix<float> queries;
  std::optional<Vector<float>> query_biases;
  std::optional<Vector<int32_t>> rows;
  std::optional<Vector<float>> offsets;
  std::optional<Vector<int64_t>> excluded_indptr;
  std::optional<Vector<int32_t>> excluded_columns;
  OutMatrix<int32_t> best;
  OutMatrix<float> scores;
};

void pack(PackedFactors* self, Matrix<float> factors, std::optional<Vector<float>> scales,
          bool rounds) {
  const int64_t n_columns = factors.shape(0), n_factors = factors.shape(1);
  require(!scales || int64_t(scales->shape(0)) == n_columns, "scales must match factors");
  const bool can_round = level->scans_bytes && n_factors <= kMostRoundedFactors;
  new (self) PackedFactors(factors.data(), n_columns, n_factors, data_or_null(scales), rounds && can_round);
}

// Only what is excluded for the queries that are asked for is looked at: a single one must not cost those of all users.
void require_excluded(int64_t first, int64_t last, const Vector<int32_t>& columns, int64_t n_columns) {
  require(0 <= first && first <= last && last <= int64_t(columns.shape(0)), "excluded must match its columns");
  for (int64_t j = first; j < last; ++j) {
    const int32_t column = columns.data()[j], before = j == first ? 0 : columns.data()[j - 1];
    require(before <= column && column < n_columns, "excluded columns must ascend, and be columns of the factors");
  }
}

// The number of queries, once all arrays are known to fit one another.
int64_t count_fitting_queries(const PackedFactors& packed, const RankingArrays& given) {
  const auto& [queries, query_biases, rows, offsets, indptr, columns, best, scores] = given;
  const int64_t n_rows = queries.shape(0), n_queries = rows ? int64_t(rows->shape(0)) : n_rows;
  require(int64_t(queries.shape(1)) == packed.n_factors, "queries must have the rank of the packed factors");
  require(!query_biases || int64_t(query_biases->shape(0)) == n_rows, "query_biases must match queries");
  require(!offsets || int64_t(offsets->shape(0)) == packed.n_columns, "offsets must match the packed factors");
  require(int64_t(best.shape(0)) == n_queries && int64_t(scores.shape(0)) == n_queries &&
              best.shape(1) == scores.shape(1) && best.shape(1) > 0,
          "best and scores must be queries × n");
  require(bool(indptr) == bool(columns), "excluded needs both indptr and columns");
  require(!indptr || int64_t(indptr->shape(0)) == n_rows + 1, "excluded must match queries");
  for (int64_t q = 0; q < n_queries; ++q) {
    const int64_t row = rows ? rows->data()[q] : q;
    require(row >= 0 && row < n_rows, "a row lies outside the queries");
    if (indptr) require_excluded(indptr->data()[row], indptr->data()[row + 1], *columns, packed.n_columns);
  }
  return n_queries;
}

void rank(const PackedFactors& packed, Matrix<float> queries, std::optional<Vector<float>> query_biases,
          float query_offset, std::optional<Vector<int32_t>> rows, std::optional<Vector<float>> offsets,
          std::optional<Vector<int64_t>> excluded_indptr, std::optional<Vector<int32_t>> excluded_columns,
          OutMatrix<int32_t> best, OutMatrix<float> scores, int n_threads) {
  const int64_t n_queries = count_fitting_queries(
      packed, {queries, query_biases, rows, offsets, excluded_indptr, excluded_columns, best, scores});
  const auto last_offsets = packed.last_offsets(data_or_null(offsets));
  RankingProblem problem{};
  problem.packed = packed.packed();
  problem.scales = packed.scales();
  problem.offsets = data_or_null(offsets);
  problem.last_offsets = last_offsets.data();
  problem.n_columns = packed.n_columns;
  problem.n_factors = packed.n_factors;
  problem.queries = queries.data();
  problem.query_biases = data_or_null(query_biases);
  problem.query_offset = query_offset;
  problem.rows = data_or_null(rows);
  problem.excluded_indptr = data_or_null(excluded_indptr);
  problem.excluded_columns = data_or_null(excluded_columns);
  problem.n = best.shape(1);
  if (packed.rounded() && problem.n <= packed.n_columns / kColumnsPerBest) {
    problem.rounded = packed.rounded()->rounded();
    problem.bounds = packed.rounded()->bounds();
    problem.rounded_slack = packed.rounded()->slack();
  }
  require_threads(n_threads);
  RankingParts parts(*level, problem, n_queries, n_threads, best.data(), scores.data());
  run(parts.count(), n_threads, [&](int64_t part, int thread) { parts.rank(part, thread); });
  parts.finish();
}

}  // namespace

void bind_ranking(nb::module_& module) {
  nb::class_<PackedFactors>(module, "PackedFactors")
      .def("__init__", &pack, "factors"_a, "scales"_a.none() = nb::none(), "rounds"_a = false)
      .def("rank", &rank, "queries"_a, "query_biases"_a.none(), "query_offset"_a, "rows"_a.none(), "offsets"_a.none(),
           "excluded_indptr"_a.none(), "excluded_columns"_a.none(), "best"_a, "scores"_a, "n_threads"_a);
}

}  // namespace matinee
