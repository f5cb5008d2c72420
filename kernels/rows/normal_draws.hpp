// Normal numbers from a counter: a seed, a row and a place give the same number on any thread and in any order.
#pragma once

#include "levels/simd.hpp"

namespace matinee {
namespace MATINEE_LEVEL {

struct Quadruple {
  uint32_t numbers[4];
};

// Philox 4x32 with ten rounds (Salmon, Moraes, Dror & Shaw 2011).
static inline Quadruple philox(uint64_t seed, uint64_t row, uint32_t place) {
  uint32_t low = uint32_t(seed), high = uint32_t(seed >> 32);
  uint32_t a = uint32_t(row), b = uint32_t(row >> 32), c = place, d = 0;
  for (int round = 0; round < 10; ++round) {
    const uint64_t first = uint64_t(0xD2511F53u) * a, second = uint64_t(0xCD9E8D57u) * c;
    a = uint32_t(second >> 32) ^ b ^ low;
    c = uint32_t(first >> 32) ^ d ^ high;
    b = uint32_t(second);
    d = uint32_t(first);
    low += 0x9E3779B9u;
    high += 0xBB67AE85u;
  }
  return {{a, b, c, d}};
}

// Fills n numbers by the method of Box and Muller, which makes two of them from two uniform ones.
static inline void draw_normals(uint64_t seed, uint64_t row, int64_t n, float scale, float* numbers) {
  constexpr float unit = 1.0f / 16777216.0f, turn = 6.28318530718f;
  for (int64_t first = 0; first < n; first += 4) {
    const Quadruple drawn = philox(seed, row, uint32_t(first / 4));
    float four[4];
    for (int pair = 0; pair < 4; pair += 2) {
      // 24 bits each, as many as a float holds; the first never 0.
      const float uniform = (float(drawn.numbers[pair] >> 8) + 0.5f) * unit;
      const float angle = turn * (float(drawn.numbers[pair + 1] >> 8) * unit);
      const float length = scale * __builtin_sqrtf(-2.0f * __builtin_logf(uniform));
      four[pair] = length * __builtin_cosf(angle);
      four[pair + 1] = length * __builtin_sinf(angle);
    }
    for (int64_t i = 0; i < 4 && first + i < n; ++i) numbers[first + i] = four[i];
  }
}

}  // namespace MATINEE_LEVEL
}  // namespace matinee
