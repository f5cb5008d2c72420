// The only file that knows Python: checks shapes, releases the interpreter, spreads the work over threads.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

#include "levels/dispatch.hpp"
#include "sorting.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace matinee {
namespace {

template <class T>
using Vector = nb::ndarray<const T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using OutVector = nb::ndarray<T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using DoubleMatrix = nb::ndarray<const double, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using OutDoubleMatrix = nb::ndarray<double, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using OutMatrix = nb::ndarray<float, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

template <class Array>
auto data_or_null(const std::optional<Array>& array) -> decltype(array->data()) {
  return array ? array->data() : nullptr;
}

// ---- memory and threads -----------------------------------------------------------------------

struct Block {
  explicit Block(int64_t bytes) : start(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {
    if (!start) throw std::bad_alloc();
  }
  Block(Block&& other) noexcept : start(other.start) { other.start = nullptr; }
  Block(const Block&) = delete;
  ~Block() { std::free(start); }
  void* start;
};

bool signal_arrived() {
  nb::gil_scoped_acquire acquire;
  return PyErr_CheckSignals() != 0;
}

void run(int64_t n_chunks, int n_threads, const std::function<void(int64_t, int)>& body) {
  bool finished;
  {
    nb::gil_scoped_release release;
    finished = run_chunks(n_chunks, n_threads, signal_arrived, body);
  }
  if (!finished) throw nb::python_error();
}

template <class T>
nb::ndarray<T, nb::numpy, nb::ndim<1>> new_vector(int64_t n) {
  T* data = static_cast<T*>(std::malloc(n > 0 ? n * sizeof(T) : 1));
  if (!data) throw std::bad_alloc();
  nb::capsule owner(data, [](void* memory) noexcept { std::free(memory); });
  return nb::ndarray<T, nb::numpy, nb::ndim<1>>(data, {size_t(n)}, owner);
}

// ---- ratings ----------------------------------------------------------------------------------

auto bind_sort_order(Vector<int32_t> rows, Vector<int32_t> columns, int64_t n_rows, int64_t n_columns) {
  require(rows.shape(0) == columns.shape(0), "rows and columns must be of one length");
  const int64_t n = rows.shape(0);
  auto order = new_vector<int64_t>(n);
  nb::gil_scoped_release release;
  sort_order(rows.data(), columns.data(), n, n_rows, n_columns, order.data());
  return order;
}

nb::tuple bind_transpose_rows(Vector<int64_t> indptr, Vector<int32_t> columns, Vector<float> values,
                              int64_t n_columns) {
  const int64_t n_rows = int64_t(indptr.shape(0)) - 1, n = columns.shape(0);
  require(n_rows >= 0 && indptr.data()[n_rows] == n && int64_t(values.shape(0)) == n,
          "indptr must end at the number of columns and values");
  auto out_indptr = new_vector<int64_t>(n_columns + 1);
  auto out_columns = new_vector<int32_t>(n);
  auto out_values = new_vector<float>(n);
  {
    nb::gil_scoped_release release;
    transpose_rows(indptr.data(), columns.data(), values.data(), n_rows, n_columns, out_indptr.data(),
                   out_columns.data(), out_values.data());
  }
  return nb::make_tuple(out_indptr, out_columns, out_values);
}

// ---- the row problem --------------------------------------------------------------------------

// Chunks small enough to balance the threads, and to notice Ctrl-C well within a second.
std::vector<int64_t> chunks_by_flops(const int64_t* indptr, int64_t n_rows, double n_factors, int n_threads) {
  auto cost = [&](int64_t row) {
    const double n = double(indptr[row + 1] - indptr[row]);
    return n * n_factors * n_factors + n_factors * n_factors * n_factors / 3 + 200;
  };
  double total = 0;
  for (int64_t row = 0; row < n_rows; ++row) total += cost(row);
  return equal_chunks(n_rows, std::min(total / (n_threads * 64.0), 5e9), cost);
}

int64_t padded_rank(int64_t n_factors) { return (n_factors + 15) / 16 * 16; }

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

// A prior, padded with zeros, in both precisions; with biases its last row and column are theirs.
struct PaddedPrior {
  PaddedPrior(const std::optional<DoubleMatrix>& prior, int64_t n_factors, bool biases) {
    if (!prior) return;
    const int64_t width = padded_rank(n_factors), size = n_factors + biases;
    const double* given = prior->data();
    precise.assign(width * width, 0.0);
    for (int64_t f = 0; f < n_factors; ++f) std::copy_n(given + f * size, n_factors, &precise[f * width]);
    single.assign(precise.begin(), precise.end());
    if (!biases) return;
    border.assign(width, 0.0);
    std::copy_n(given + n_factors * size, n_factors, border.begin());
    corner = given[size * size - 1];
  }
  std::vector<double> precise, border;
  std::vector<float> single;
  double corner = 0;
};

int64_t longest_row(const int64_t* indptr, int64_t n_rows) {
  int64_t longest = 0;
  for (int64_t row = 0; row < n_rows; ++row) longest = std::max(longest, indptr[row + 1] - indptr[row]);
  return longest;
}

void bind_solve_rows(Vector<int64_t> indptr, Vector<int32_t> columns, Vector<float> values,
                     const std::string& feedback, float confidence, float unobserved, Matrix fixed,
                     std::optional<Vector<float>> column_biases, float offset, Vector<float> ridge,
                     std::optional<DoubleMatrix> prior, std::optional<Matrix> shift, float spread, uint64_t seed,
                     bool same_noise, const std::string& solver, int64_t n_steps, bool refine_always,
                     OutMatrix solution, std::optional<OutVector<float>> biases,
                     std::optional<OutVector<double>> squared_errors,
                     std::optional<OutVector<double>> penalties, int n_threads) {
  const int64_t n_rows = int64_t(indptr.shape(0)) - 1, n_factors = fixed.shape(1);
  require(n_rows >= 0 && indptr.data()[n_rows] == int64_t(columns.shape(0)) &&
              columns.shape(0) == values.shape(0),
          "indptr must end at the number of columns and values");
  require(n_factors == int64_t(solution.shape(1)) && n_factors > 0, "factors must be of one rank, at least 1");
  require(int64_t(ridge.shape(0)) == n_rows && int64_t(solution.shape(0)) == n_rows,
          "ridge and solution must have a row for each row of ratings");
  require(!column_biases || column_biases->shape(0) == fixed.shape(0), "column_biases must match fixed");
  for (auto* out : {&squared_errors, &penalties})
    require(!*out || int64_t((*out)->shape(0)) == n_rows, "squared_errors and penalties must match solution");
  require(!biases || int64_t(biases->shape(0)) == n_rows, "biases must match solution");
  const int64_t prior_size = n_factors + (biases ? 1 : 0);
  require(!prior || (int64_t(prior->shape(0)) == prior_size && int64_t(prior->shape(1)) == prior_size),
          "prior must be n_factors × n_factors, and one larger with biases");
  require(!shift || (prior && (shift->shape(0) == 1 || int64_t(shift->shape(0)) == n_rows) &&
                     int64_t(shift->shape(1)) == n_factors + 1),
          "shift belongs to a prior and has n_factors + 1 columns, in one row or one for each row of ratings");
  require(n_threads >= 1, "n_threads must be at least 1");

  const PaddedPrior padded_prior(prior, n_factors, biases.has_value());
  RowProblem problem{};
  problem.indptr = indptr.data();
  problem.columns = columns.data();
  problem.values = values.data();
  problem.feedback = feedback_named(feedback);
  problem.confidence = confidence;
  problem.unobserved = unobserved;
  problem.fixed = fixed.data();
  problem.n_fixed = fixed.shape(0);
  problem.n_factors = n_factors;
  // Each row starts a cache line, and an explicit rating has no weight to scale it by.
  problem.scattered = problem.feedback == Feedback::ratings && n_factors % 16 == 0 &&
                      reinterpret_cast<uintptr_t>(fixed.data()) % 64 == 0;
  problem.column_biases = data_or_null(column_biases);
  problem.offset = offset;
  problem.ridge = ridge.data();
  problem.prior = prior ? padded_prior.single.data() : nullptr;
  problem.precise_prior = prior ? padded_prior.precise.data() : nullptr;
  problem.prior_border = prior && biases ? padded_prior.border.data() : nullptr;
  problem.prior_corner = padded_prior.corner;
  problem.shift = shift ? shift->data() : nullptr;
  problem.shift_stride = shift && shift->shape(0) == 1 ? 0 : n_factors + 1;
  problem.spread = spread;
  problem.seed = seed;
  problem.noise_stride = same_noise ? 0 : 1;
  problem.solver = solver_named(solver);
  require(problem.solver == Solver::cholesky || !(biases || shift), "only the solver 'cholesky' finds biases");
  problem.n_steps = n_steps;
  problem.longest_row = longest_row(problem.indptr, n_rows);
  problem.refine_always = refine_always;
  problem.solution = solution.data();
  problem.biases = data_or_null(biases);
  problem.squared_errors = data_or_null(squared_errors);
  problem.penalties = data_or_null(penalties);

  const auto chunks = chunks_by_flops(problem.indptr, n_rows, double(n_factors), n_threads);
  std::vector<Block> scratch;
  n_threads = int(std::min<int64_t>(n_threads, std::max<int64_t>(1, int64_t(chunks.size()) - 1)));
  for (int thread = 0; thread < n_threads; ++thread)
    scratch.emplace_back(level->scratch_bytes(n_factors, problem.longest_row));
  run(int64_t(chunks.size()) - 1, n_threads, [&](int64_t chunk, int thread) {
    level->solve_rows(problem, chunks[chunk], chunks[chunk + 1], scratch[thread].start);
  });
}

// FᵀF in double precision. The rows are cut the same way for any number of threads, and their parts are added
// in the same order.
constexpr int64_t kMostGramParts = 32;

void bind_gram(Matrix factors, OutDoubleMatrix gram, int n_threads) {
  const int64_t n_rows = factors.shape(0), n_factors = factors.shape(1), width = padded_rank(n_factors);
  require(int64_t(gram.shape(0)) == n_factors && int64_t(gram.shape(1)) == n_factors,
          "gram must be n_factors × n_factors");
  const int64_t n_parts = std::max<int64_t>(1, std::min(kMostGramParts, n_rows / 256));
  std::vector<std::vector<double>> parts(n_parts);
  run(n_parts, n_threads, [&](int64_t part, int) {
    parts[part].assign(width * width, 0.0);
    std::vector<double> panel(64 * width);
    const int64_t first = n_rows * part / n_parts, last = n_rows * (part + 1) / n_parts;
    level->add_gram(factors.data() + first * n_factors, last - first, n_factors, width, panel.data(),
                    parts[part].data());
  });
  for (int64_t f = 0; f < n_factors; ++f)
    for (int64_t g = f; g < n_factors; ++g) {
      double sum = 0;
      for (const auto& part : parts) sum += part[f * width + g];
      gram.data()[f * n_factors + g] = gram.data()[g * n_factors + f] = sum;
    }
}

// ---- features ---------------------------------------------------------------------------------

void bind_multiply_sparse(Vector<int64_t> indptr, Vector<int32_t> columns, Vector<float> values, Matrix dense,
                          OutMatrix product, int n_threads) {
  const int64_t n_rows = int64_t(indptr.shape(0)) - 1, n_dense = dense.shape(1), n = columns.shape(0);
  require(n_rows >= 0 && indptr.data()[n_rows] == n && int64_t(values.shape(0)) == n,
          "indptr must end at the number of columns and values");
  require(int64_t(product.shape(0)) == n_rows && int64_t(product.shape(1)) == n_dense,
          "product must have a row for each row and a column for each of the dense matrix");
  // All of them and without a branch, which the compiler turns into vector instructions.
  uint32_t largest = 0;
  for (int64_t j = 0; j < n; ++j) largest = std::max(largest, uint32_t(columns.data()[j]));
  require(n == 0 || int64_t(largest) < int64_t(dense.shape(0)), "a column lies outside the dense matrix");
  const SparseProblem problem{indptr.data(), columns.data(), values.data(), dense.data(), n_dense, product.data()};
  auto cost = [&](int64_t row) { return double(problem.indptr[row + 1] - problem.indptr[row]) + 8; };
  const double total = double(n) + 8.0 * double(n_rows);
  const auto chunks = equal_chunks(n_rows, std::max(total / (n_threads * 16.0), 4096.0), cost);
  run(int64_t(chunks.size()) - 1, n_threads,
      [&](int64_t chunk, int) { level->multiply_sparse(problem, chunks[chunk], chunks[chunk + 1]); });
}

// ---- prediction -------------------------------------------------------------------------------

constexpr int64_t kPairsPerChunk = 1 << 15;

void bind_predict(Vector<int32_t> rows, Vector<int32_t> columns, Matrix row_factors, Matrix column_factors,
                  std::optional<Matrix> row_biases, std::optional<Matrix> column_biases, int64_t n_samples,
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
    require(rows.data()[i] < int64_t(row_factors.shape(0)) &&
                columns.data()[i] < int64_t(column_factors.shape(0)),
            "a row or column lies outside the factors");
  const PredictionProblem problem{rows.data(),
                                  columns.data(),
                                  row_factors.data(),
                                  column_factors.data(),
                                  data_or_null(row_biases),
                                  data_or_null(column_biases),
                                  n_samples,
                                  int64_t(row_factors.shape(1)) / n_samples,
                                  offset,
                                  low,
                                  high,
                                  predicted.data()};
  run((n + kPairsPerChunk - 1) / kPairsPerChunk, n_threads, [&](int64_t chunk, int) {
    const int64_t first = chunk * kPairsPerChunk;
    level->predict(problem, first, std::min(first + kPairsPerChunk, n));
  });
}

// ---- ranking ----------------------------------------------------------------------------------

int64_t padded(int64_t n_columns) { return (n_columns + kPackWidth - 1) / kPackWidth * kPackWidth; }

class PackedFactors {
 public:
  PackedFactors(Matrix factors, std::optional<Vector<float>> scales)
      : n_columns_(factors.shape(0)),
        n_factors_(factors.shape(1)),
        packed_(padded(n_columns_) * n_factors_ * 4 + 64) {
    require(!scales || int64_t(scales->shape(0)) == n_columns_, "scales must match factors");
    float* packed = static_cast<float*>(packed_.start);
    std::memset(packed, 0, padded(n_columns_) * n_factors_ * 4);
    for (int64_t column = 0; column < n_columns_; ++column) {
      float* pack = packed + column / kPackWidth * kPackWidth * n_factors_ + column % kPackWidth;
      for (int64_t f = 0; f < n_factors_; ++f)
        pack[f * kPackWidth] = factors.data()[column * n_factors_ + f];
    }
    if (!scales) return;
    scales_.assign(padded(n_columns_), 0.0f);
    std::copy_n(scales->data(), n_columns_, scales_.begin());
  }

  void rank(Matrix queries, std::optional<Vector<float>> query_biases, float query_offset,
            std::optional<Vector<int32_t>> rows, std::optional<Vector<float>> offsets,
            std::optional<Vector<int64_t>> excluded_indptr, std::optional<Vector<int32_t>> excluded_columns,
            nb::ndarray<int32_t, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu> best, OutMatrix scores,
            int n_threads) const {
    const int64_t n_rows = queries.shape(0), n_queries = rows ? int64_t(rows->shape(0)) : n_rows;
    require(int64_t(queries.shape(1)) == n_factors_, "queries must have the rank of the packed factors");
    require(!query_biases || int64_t(query_biases->shape(0)) == n_rows, "query_biases must match queries");
    require(!offsets || int64_t(offsets->shape(0)) == n_columns_, "offsets must match the packed factors");
    require(int64_t(best.shape(0)) == n_queries && int64_t(scores.shape(0)) == n_queries &&
                best.shape(1) == scores.shape(1) && best.shape(1) > 0,
            "best and scores must be queries × n");
    require(bool(excluded_indptr) == bool(excluded_columns), "excluded needs both indptr and columns");
    require(!excluded_indptr || (int64_t(excluded_indptr->shape(0)) == n_rows + 1 &&
                                 excluded_indptr->data()[n_rows] <= int64_t(excluded_columns->shape(0))),
            "excluded must match queries");
    for (int64_t q = 0; rows && q < n_queries; ++q)
      require(rows->data()[q] >= 0 && rows->data()[q] < n_rows, "a row lies outside the queries");

    std::vector<float> padded_offsets(padded(n_columns_), -__builtin_inff());
    if (offsets)
      std::copy_n(offsets->data(), n_columns_, padded_offsets.begin());
    else
      std::fill_n(padded_offsets.begin(), n_columns_, 0.0f);
    const RankingProblem problem{static_cast<const float*>(packed_.start),
                                 scales_.empty() ? nullptr : scales_.data(),
                                 padded_offsets.data(),
                                 n_columns_,
                                 n_factors_,
                                 queries.data(),
                                 data_or_null(query_biases),
                                 query_offset,
                                 data_or_null(rows),
                                 data_or_null(excluded_indptr),
                                 data_or_null(excluded_columns),
                                 int64_t(best.shape(1)),
                                 best.data(),
                                 scores.data()};
    constexpr int64_t chunk_size = 64;
    run((n_queries + chunk_size - 1) / chunk_size, n_threads, [&](int64_t chunk, int) {
      level->rank(problem, chunk * chunk_size, std::min((chunk + 1) * chunk_size, n_queries));
    });
  }

 private:
  int64_t n_columns_, n_factors_;
  Block packed_;
  std::vector<float> scales_;
};

}  // namespace

NB_MODULE(_kernels, module) {
  module.doc() = "Matinee's native kernels: arrays in, arrays out.";
  module.def("sort_order", &bind_sort_order, "rows"_a, "columns"_a, "n_rows"_a, "n_columns"_a);
  module.def("transpose_rows", &bind_transpose_rows, "indptr"_a, "columns"_a, "values"_a, "n_columns"_a);
  module.def("solve_rows", &bind_solve_rows, "indptr"_a, "columns"_a, "values"_a, nb::kw_only(), "feedback"_a,
             "confidence"_a, "unobserved"_a, "fixed"_a, "column_biases"_a.none(), "offset"_a, "ridge"_a,
             "prior"_a.none(), "shift"_a.none(), "spread"_a, "seed"_a, "same_noise"_a, "solver"_a, "n_steps"_a,
             "refine_always"_a, "solution"_a, "biases"_a.none(), "squared_errors"_a.none(), "penalties"_a.none(), "n_threads"_a);
  module.def("gram", &bind_gram, "factors"_a, "gram"_a, "n_threads"_a);
  module.def("predict", &bind_predict, "rows"_a, "columns"_a, "row_factors"_a, "column_factors"_a,
             "row_biases"_a.none(), "column_biases"_a.none(), "n_samples"_a, "offset"_a, "low"_a, "high"_a,
             "predicted"_a, "n_threads"_a);
  module.def("multiply_sparse", &bind_multiply_sparse, "indptr"_a, "columns"_a, "values"_a, "dense"_a, "product"_a,
             "n_threads"_a);
  nb::class_<PackedFactors>(module, "PackedFactors")
      .def(nb::init<Matrix, std::optional<Vector<float>>>(), "factors"_a, "scales"_a.none() = nb::none())
      .def("rank", &PackedFactors::rank, "queries"_a, "query_biases"_a.none(), "query_offset"_a,
           "rows"_a.none(), "offsets"_a.none(), "excluded_indptr"_a.none(), "excluded_columns"_a.none(),
           "best"_a, "scores"_a, "n_threads"_a);
  module.def("levels", &level_names, "Instruction-set levels this machine can run, the widest first.");
  module.def("level", [] { return std::string(level->name); }, "The level in use.");
  module.def("use_level", &use_level, "name"_a, "Run the kernels at this level from now on.");
}

}  // namespace matinee
