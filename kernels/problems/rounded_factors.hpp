// Factors rounded to bytes, in the packs of a ranking, and what the rounding may cost each pack.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <vector>

#include "aligned_memory.hpp"
#include "constants.hpp"
#include "problems/ranking_problem.hpp"

namespace matinee {

class RoundedFactors {
 public:
  // packed: factor by factor, as PackedFactors has them; scales: n_columns rounded up to a pack, or null.
  RoundedFactors(const float* packed, const float* scales, int64_t n_columns, int64_t n_factors)
      : n_factors_(n_factors),
        memory_(padded_columns(n_columns) * rounded_rank(n_factors)),
        bounds_(size_t(padded_columns(n_columns) / kPackWidth)) {
    for (int64_t pack = 0; pack < int64_t(bounds_.size()); ++pack)
      bounds_[size_t(pack)] = round_pack(packed + pack * kPackWidth * n_factors,
                                         scales ? scales + pack * kPackWidth : nullptr,
                                         rounded() + pack * kPackWidth * rounded_rank(n_factors));
    double largest = 1;
    for (int64_t column = 0; scales && column < n_columns; ++column)
      if (std::isfinite(scales[column])) largest = std::fmax(largest, std::fabs(double(scales[column])));
    // Below FLT_MIN a product, or a step, loses digits or all there is: in each of the factors' products, times the
    // scale, and in the unit of the whole numbers' product, of up to 2¹⁴ in each factor.
    slack_ = round_up_to_float(std::ldexp(double(n_factors + 4), 15) * double(FLT_MIN) * largest);
  }

  const uint8_t* rounded() const { return static_cast<const uint8_t*>(memory_.start); }
  const PackBounds* bounds() const { return bounds_.data(); }
  float slack() const { return slack_; }

 private:
  uint8_t* rounded() { return static_cast<uint8_t*>(memory_.start); }

  // The next float at least; what is summed up or rounded on the way is a few millionths at the most.
  static float round_up_to_float(double value) {
    const double more = value * (1 + 0x1p-20) + double(FLT_MIN);
    return more <= double(FLT_MAX) ? float(more) : __builtin_inff();
  }

  PackBounds round_pack(const float* pack, const float* scales, uint8_t* to) const {
    double scale[kPackWidth], miss[kPackWidth] = {}, reach[kPackWidth] = {};
    for (int64_t i = 0; i < kPackWidth; ++i) scale[i] = scales ? double(scales[i]) : 1.0;
    double most = 0, most_unscaled = 0;
    bool is_finite = true;
    for (int64_t f = 0; f < n_factors_; ++f)
      for (int64_t i = 0; i < kPackWidth; ++i) {
        const double unscaled = std::fabs(double(pack[f * kPackWidth + i])), size = std::fabs(unscaled * scale[i]);
        is_finite &= size <= double(FLT_MAX);
        most = size > most ? size : most;
        most_unscaled = unscaled > most_unscaled ? unscaled : most_unscaled;
      }
    std::fill_n(to, kPackWidth * rounded_rank(n_factors_), uint8_t(kByteZero));
    const float step = float(most / kMostByte);
    constexpr float infinity = __builtin_inff();
    const double longest = most_unscaled * std::sqrt(double(n_factors_));
    if (!is_finite || longest > double(kLargestBounded)) return {0.0f, infinity, infinity};
    // A step too small to divide by leaves zeros, which miss all there is.
    const double per_step = step >= FLT_MIN ? 1 / double(step) : 0.0;
    for (int64_t f = 0; f < n_factors_; ++f)
      for (int64_t i = 0; i < kPackWidth; ++i) {
        const double exact = double(pack[f * kPackWidth + i]) * scale[i], number = exact * per_step;
        const int32_t whole = int32_t(number + (number < 0 ? -0.5 : 0.5));
        const int32_t kept = whole > kMostByte ? kMostByte : whole < -kMostByte ? -kMostByte : whole;
        const double missed = exact - double(step) * kept;
        miss[i] += missed * missed;
        reach[i] += exact * exact;
        to[f / 4 * kPackWidth * 4 + i * 4 + f % 4] = uint8_t(kept + kByteZero);
      }
    return {step, round_up_to_float(std::sqrt(*std::max_element(miss, miss + kPackWidth))),
            round_up_to_float(std::sqrt(*std::max_element(reach, reach + kPackWidth)))};
  }

  int64_t n_factors_;
  AlignedMemory memory_;
  std::vector<PackBounds> bounds_;
  float slack_;
};

}  // namespace matinee
