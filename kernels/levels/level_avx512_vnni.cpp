// Only the ranking: all else is as in level_avx512.cpp.
#define MATINEE_LEVEL avx512_vnni
#define MATINEE_LANES 16
#include "levels/level.hpp"
#include "rounded_ranking.hpp"

namespace matinee {

void rank_with_vnni(const RankingProblem& problem, const RankingPart& part) { avx512_vnni::rank(problem, part); }

}  // namespace matinee
