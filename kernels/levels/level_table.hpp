// The body of each level_*.cpp: the same kernels, compiled for one instruction set.
#include "gram.hpp"
#include "levels/level.hpp"
#include "prediction.hpp"
#include "rounded_ranking.hpp"
#include "rows/long_row.hpp"
#include "rows/solve.hpp"
#include "sparse.hpp"

namespace matinee {

const Level MATINEE_TABLE = {MATINEE_NAME,
                             MATINEE_LEVEL::Scratch::bytes,
                             MATINEE_LEVEL::solve_rows,
                             MATINEE_LEVEL::accumulate_part,
                             MATINEE_LEVEL::add_gram,
                             MATINEE_LEVEL::rank,
                             MATINEE_LEVEL::kScansBytes,
                             MATINEE_LEVEL::predict,
                             MATINEE_LEVEL::multiply_sparse};

}  // namespace matinee
