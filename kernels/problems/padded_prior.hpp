// A prior as the row problem takes it: padded with zeros to whole blocks, and in both precisions.
#pragma once

#include <algorithm>
#include <vector>

#include "constants.hpp"

namespace matinee {

struct PaddedPrior {
  // The prior is n_factors × n_factors, or null; with biases, its last row and column are theirs, in addition.
  PaddedPrior(const double* prior, int64_t n_factors, bool biases) {
    if (!prior) return;
    const int64_t width = padded_rank(n_factors), size = n_factors + biases;
    precise.assign(width * width, 0.0);
    for (int64_t f = 0; f < n_factors; ++f) std::copy_n(prior + f * size, n_factors, &precise[f * width]);
    single.assign(precise.begin(), precise.end());
    if (!biases) return;
    border.assign(width, 0.0);
    std::copy_n(prior + n_factors * size, n_factors, border.begin());
    corner = prior[size * size - 1];
  }

  std::vector<double> precise, border;
  std::vector<float> single;
  double corner = 0;
};

}  // namespace matinee
