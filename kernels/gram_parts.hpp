// The Gram matrix of a side in parts, which threads may share.
#pragma once

#include <algorithm>
#include <vector>

#include "constants.hpp"
#include "levels/level.hpp"

namespace matinee {

constexpr int64_t kMostGramParts = 32;    // more parts than threads, and each takes a matrix of its own
constexpr int64_t kLeastRowsOfPart = 256;  // fewer rows cost less than adding another part up

// gram = FᵀF in double precision. The rows are cut the same way for any number of threads, and their parts are added
// in the same order, so that no bit depends on the threads. run(n, work) calls work(part) for each of n parts.
template <class Run>
void gram_in_parts(const Level& level, const float* factors, int64_t n_rows, int64_t n_factors, Run run,
                   double* gram) {
  const int64_t width = padded_rank(n_factors);
  const int64_t n_parts = std::max<int64_t>(1, std::min(kMostGramParts, n_rows / kLeastRowsOfPart));
  std::vector<std::vector<double>> parts(n_parts);
  run(n_parts, [&](int64_t part) {
    parts[part].assign(width * width, 0.0);
    std::vector<double> panel(kGramRows * width);
    const int64_t first = n_rows * part / n_parts, last = n_rows * (part + 1) / n_parts;
    level.add_gram(factors + first * n_factors, last - first, n_factors, width, panel.data(), parts[part].data());
  });
  for (int64_t f = 0; f < n_factors; ++f)
    for (int64_t g = f; g < n_factors; ++g) {
      double sum = 0;
      for (const auto& part : parts) sum += part[f * width + g];
      gram[f * n_factors + g] = gram[g * n_factors + f] = sum;
    }
}

}  // namespace matinee
