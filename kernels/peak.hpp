// The machine's peak of single-precision multiply-adds, for the benchmarks to hold the kernels against.
#pragma once

#include "levels/simd.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

// Twelve independent chains, nothing from memory. Returns the flops done; the result keeps them alive.
static inline double multiply_add(int64_t rounds, float* result) {
  constexpr int kChains = 12;
  Vec sums[kChains];
  for (int c = 0; c < kChains; ++c) sums[c] = Vec{} + float(c);
  Vec a = Vec{} + 0.999f, b = Vec{} + 0.001f;
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      sums[c] = sums[c] * a + b;

    }
  }
  float total = 0;
  for (int c = 0; c < kChains; ++c) total += sum_lanes(sums[c]);
  *result = total;
  return double(rounds) * kChains * kLanes * 2;
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
