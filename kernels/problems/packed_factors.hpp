// Factors as a ranking reads them: in packs of columns, factor by factor, filled up with columns of zeros.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "aligned_memory.hpp"
#include "constants.hpp"

namespace matinee {

class PackedFactors {
 public:
  // factors: n × rank; scales: n, or null.
  PackedFactors(const float* factors, int64_t n, int64_t rank, const float* scales)
      : n_columns(n), n_factors(rank), memory_(bytes()) {
    float* packed = static_cast<float*>(memory_.start);
    std::memset(packed, 0, bytes());
    for (int64_t column = 0; column < n_columns; ++column) {
      float* pack = packed + column / kPackWidth * kPackWidth * n_factors + column % kPackWidth;
      for (int64_t f = 0; f < n_factors; ++f) pack[f * kPackWidth] = factors[column * n_factors + f];
    }
    if (!scales) return;
    scales_.assign(padded_columns(n_columns), 0.0f);
    std::copy_n(scales, n_columns, scales_.begin());
  }

  const float* packed() const { return static_cast<const float*>(memory_.start); }
  const float* scales() const { return scales_.empty() ? nullptr : scales_.data(); }

  // Offsets by column, or 0 for all where they are null; −∞ for the columns that fill the last pack.
  std::vector<float> padded_offsets(const float* offsets) const {
    std::vector<float> padded(padded_columns(n_columns), -__builtin_inff());
    if (offsets)
      std::copy_n(offsets, n_columns, padded.begin());
    else
      std::fill_n(padded.begin(), n_columns, 0.0f);
    return padded;
  }

  const int64_t n_columns, n_factors;

 private:
  int64_t bytes() const { return padded_columns(n_columns) * n_factors * int64_t(sizeof(float)); }

  AlignedMemory memory_;
  std::vector<float> scales_;
};

}  // namespace matinee
