// Rows over threads: most of them in chunks, and those so long that one thread would keep all others waiting in parts.
#pragma once

#include <algorithm>
#include <vector>

#include "aligned_memory.hpp"
#include "bindings/arrays.hpp"
#include "bindings/run.hpp"
#include "levels/dispatch.hpp"

namespace matinee {

// Flops of what is solved before anybody can have thought of interrupting it.
constexpr double kUnwatchedFlops = 2e8;
// Flops of a row that is divided, and of its parts: a few hundredths of a second each.
constexpr double kLongRowFlops = 4e9, kPartFlops = 1e9;
// More parts than threads, as a rule, and each takes a matrix of its own; of so many rows at a time.
constexpr int64_t kMostRowParts = 16, kLongRowsTogether = 8;

class RowThreads {
 public:
  RowThreads(const RowProblem& given, int64_t n_rows, int n_threads)
      : problem_(given), n_rows_(n_rows), n_threads_(n_threads) {
    require_threads(n_threads);
    problem_.stopped = &stopped_;
    for (int64_t row = 0; row < n_rows; ++row) {
      total_ += cost(row);
      if (problem_.solver == Solver::cholesky && flops_of_ratings(row) >= kLongRowFlops) long_rows_.push_back(row);
    }
  }

  void solve() {
    // Chunks small enough to balance the threads.
    const double chunk_cost = std::min(total_ / (n_threads_ * 64.0), 5e9);
    const auto chunks = equal_chunks(n_rows_, chunk_cost, [&](int64_t row) { return is_long(row) ? 0 : cost(row); });
    const int64_t n_chunks = int64_t(chunks.size()) - 1;
    if (long_rows_.empty()) n_threads_ = int(std::min<int64_t>(n_threads_, std::max<int64_t>(1, n_chunks)));
    for (int thread = 0; thread < n_threads_; ++thread)
      scratch_.emplace_back(level->scratch_bytes(problem_.n_factors, problem_.longest_row));
    over_threads(n_chunks, [&](int64_t chunk, int thread) { solve_others(chunks[chunk], chunks[chunk + 1], thread); });
    for (size_t first = 0; first < long_rows_.size(); first += kLongRowsTogether)
      solve_in_parts(first, std::min<size_t>(first + kLongRowsTogether, long_rows_.size()));
  }

 private:
  double flops_of_ratings(int64_t row) const {
    const double n = double(problem_.indptr[row + 1] - problem_.indptr[row]), k = double(problem_.n_factors);
    return n * k * k;
  }

  double cost(int64_t row) const {
    const double k = double(problem_.n_factors);
    return flops_of_ratings(row) + k * k * k / 3 + 200;
  }

  bool is_long(int64_t row) const { return std::binary_search(long_rows_.begin(), long_rows_.end(), row); }

  template <class Body>
  void over_threads(int64_t n, Body body) {
    if (total_ < kUnwatchedFlops)
      run(n, n_threads_, body);
    else
      run_watched(n, n_threads_, &stopped_, body);
  }

  // The rows from first to last but for the long ones.
  void solve_others(int64_t first, int64_t last, int thread) {
    auto next = std::lower_bound(long_rows_.begin(), long_rows_.end(), first);
    for (; next != long_rows_.end() && *next < last; first = *next++ + 1)
      solve_short(first, *next, thread);
    solve_short(first, last, thread);
  }

  // Each thread checks what it is about to read, which leaves it in the cache.
  void solve_short(int64_t first, int64_t last, int thread) {
    if (first >= last) return;
    require_columns(first, last);
    level->solve_rows(problem_, first, last, scratch_[thread].start);
  }

  void require_columns(int64_t first, int64_t last) const {
    const int64_t begin = problem_.indptr[first], end = problem_.indptr[last];
    require(lie_within(problem_.columns + begin, end - begin, problem_.n_fixed),
            "a column lies outside the fixed factors");
    require(!problem_.second || lie_within(problem_.second_columns + begin, end - begin, problem_.n_second),
            "a second column lies outside the second factors");
  }

  struct LongRow {
    int64_t row;
    std::vector<float> matrices;
    std::vector<double> sums;
    RowParts parts;
  };

  LongRow divide(int64_t row) const {
    require_columns(row, row + 1);
    const int64_t n_parts = std::min(kMostRowParts, int64_t(flops_of_ratings(row) / kPartFlops));
    LongRow divided{row, std::vector<float>(n_parts * part_floats(problem_.n_factors)),
                    std::vector<double>(n_parts * kPartSums), {}};
    divided.parts = {n_parts, divided.matrices.data(), divided.sums.data()};
    return divided;
  }

  void solve_in_parts(size_t first, size_t last) {
    std::vector<LongRow> rows;
    std::vector<std::pair<size_t, int64_t>> pieces;
    for (size_t i = first; i < last; ++i) {
      rows.push_back(divide(long_rows_[i]));
      for (int64_t part = 0; part < rows.back().parts.n_parts; ++part) pieces.emplace_back(i - first, part);
    }
    over_threads(int64_t(pieces.size()), [&](int64_t piece, int thread) {
      const LongRow& divided = rows[pieces[piece].first];
      level->accumulate_part(problem_, divided.row, pieces[piece].second, divided.parts, scratch_[thread].start);
    });
    over_threads(int64_t(rows.size()), [&](int64_t i, int thread) {
      RowProblem problem = problem_;
      problem.parts = &rows[i].parts;
      level->solve_rows(problem, rows[i].row, rows[i].row + 1, scratch_[thread].start);
    });
  }

  RowProblem problem_;
  const int64_t n_rows_;
  int n_threads_;
  bool stopped_ = false;
  double total_ = 0;
  std::vector<int64_t> long_rows_;
  std::vector<AlignedMemory> scratch_;
};

}  // namespace matinee
