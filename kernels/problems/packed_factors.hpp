// Factors as a ranking reads them: in packs of columns, factor by factor, filled up with columns of zeros.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "aligned_memory.hpp"
#include "constants.hpp"
#include "problems/rounded_factors.hpp"

namespace matinee {

class PackedFactors {
 public:
  // factors: n × rank; scales: n, or null. With `rounds`, holds them in bytes too, a quarter more.
  PackedFactors(const float* factors, int64_t n, int64_t rank, const float* scales, bool rounds = false)
      : n_columns(n), n_factors(rank), memory_(bytes()) {
    float* packed = static_cast<float*>(memory_.start);
    std::memset(packed, 0, bytes());
    for (int64_t column = 0; column < n_columns; ++column) {
      float* pack = packed + column / kPackWidth * kPackWidth * n_factors + column % kPackWidth;
      for (int64_t f = 0; f < n_factors; ++f) pack[f * kPackWidth] = factors[column * n_factors + f];
    }
    if (scales) {
      scales_.assign(padded_columns(n_columns), 0.0f);
      std::copy_n(scales, n_columns, scales_.begin());
    }
    if (rounds) rounded_.emplace(packed, this->scales(), n_columns, n_factors);
  }

  const float* packed() const { return static_cast<const float*>(memory_.start); }
  const float* scales() const { return scales_.empty() ? nullptr : scales_.data(); }

  // Null where they are not held in bytes.
  const RoundedFactors* rounded() const { return rounded_ ? &*rounded_ : nullptr; }

  // The offsets of the last pack, 0 for its columns where they are null; −∞ for the columns that fill it.
  std::array<float, kPackWidth> last_offsets(const float* offsets) const {
    std::array<float, kPackWidth> last;
    last.fill(-__builtin_inff());
    const int64_t first = std::max<int64_t>(padded_columns(n_columns) - kPackWidth, 0);
    for (int64_t column = first; column < n_columns; ++column)
      last[size_t(column - first)] = offsets ? offsets[column] : 0.0f;
    return last;
  }

  const int64_t n_columns, n_factors;

 private:
  int64_t bytes() const { return padded_columns(n_columns) * n_factors * int64_t(sizeof(float)); }

  AlignedMemory memory_;
  std::vector<float> scales_;
  std::optional<RoundedFactors> rounded_;
};

}  // namespace matinee
