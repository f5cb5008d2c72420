// What every instruction-set level offers.
#pragma once

#include <cstdint>

#include "problems/prediction_problem.hpp"
#include "problems/ranking_problem.hpp"
#include "problems/row_problem.hpp"
#include "problems/sparse_problem.hpp"

namespace matinee {

struct Level {
  const char* name;
  int64_t (*scratch_bytes)(int64_t n_factors, int64_t longest_row);
  void (*solve_rows)(const RowProblem&, int64_t first, int64_t last, void* scratch);
  void (*accumulate_part)(const RowProblem&, int64_t row, int64_t part, const RowParts&, void* scratch);
  void (*add_gram)(const float* factors, int64_t n_rows, int64_t n_factors, int64_t width, double* panel, double* gram);
  void (*rank)(const RankingProblem&, const RankingPart&);
  bool scans_bytes;  // whether the ranking looks at columns in bytes
  void (*predict)(const PredictionProblem&, int64_t first, int64_t last);
  void (*multiply_sparse)(const SparseProblem&, int64_t first, int64_t last);
};

extern const Level kBaseline;
#if defined(__x86_64__)
extern const Level kAvx2;
extern const Level kAvx512;
#ifdef MATINEE_HAS_VNNI
// The kernels of AVX-512, but for the ranking of large catalogues.
void rank_with_vnni(const RankingProblem& problem, const RankingPart& part);
#endif
#ifdef MATINEE_HAS_BF16
extern const Level kAvx512Bf16;
extern const Level kAmx;
#endif
#endif

}  // namespace matinee
