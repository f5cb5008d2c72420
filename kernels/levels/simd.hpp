// One vector type for every instruction set, through the compiler's vector extensions.
// Included once per level, with MATINEE_LEVEL (a namespace) and MATINEE_LANES (floats a register) set.
// Nothing from the standard library is instantiated here: a template that the linker may merge between
// levels would carry one level's instructions to a machine that lacks them.
#pragma once

#include <cstdint>

#include "constants.hpp"

#if !defined(MATINEE_LEVEL) || !defined(MATINEE_LANES)
#error "define MATINEE_LEVEL and MATINEE_LANES first"
#endif

namespace matinee {
namespace MATINEE_LEVEL {

constexpr int64_t kLanes = MATINEE_LANES;
constexpr int64_t kBlockVecs = kBlock / kLanes;
static_assert(kBlock % kLanes == 0, "a block is handled in whole registers");

typedef float Vec __attribute__((vector_size(MATINEE_LANES * 4)));
typedef float LooseVec __attribute__((vector_size(MATINEE_LANES * 4), aligned(4), may_alias));

static inline Vec load(const float* from) { return *reinterpret_cast<const LooseVec*>(from); }
static inline void store(float* to, Vec vec) { *reinterpret_cast<LooseVec*>(to) = vec; }

template <int Lanes>
struct Sum {
  typedef float Whole __attribute__((vector_size(Lanes * 4)));
  typedef float Half __attribute__((vector_size(Lanes * 2)));
  static inline float of(Whole vec) {
    Half low, high;
    __builtin_memcpy(&low, &vec, sizeof(Half));
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&vec) + sizeof(Half), sizeof(Half));
    return Sum<Lanes / 2>::of(low + high);
  }
};
template <>
struct Sum<4> {
  typedef float Whole __attribute__((vector_size(16)));
  static inline float of(Whole vec) { return (vec[0] + vec[2]) + (vec[1] + vec[3]); }
};
static inline float sum_lanes(Vec vec) { return Sum<MATINEE_LANES>::of(vec); }

// One merge of the tree below: lanes whose bit `Stride` is 0 sum pairs of a, the others pairs of b.
template <int64_t Stride>
static inline Vec merge_sums(Vec a, Vec b) {
#if defined(__clang__)
  Vec merged;
  for (int64_t i = 0; i < kLanes; ++i) merged[i] = (i & Stride) ? b[i] + b[i ^ Stride] : a[i] + a[i ^ Stride];
  return merged;
#else
  typedef int32_t Lanes __attribute__((vector_size(MATINEE_LANES * 4)));
  Lanes own, other;
  for (int32_t i = 0; i < kLanes; ++i) {
    const int32_t from_b = (i & Stride) ? int32_t(kLanes) : 0;
    own[i] = i + from_b;
    other[i] = int32_t(i ^ Stride) + from_b;
  }
  return __builtin_shuffle(a, b, own) + __builtin_shuffle(a, b, other);
#endif
}

template <int64_t Rows>
static inline Vec sum_rows_tree(const Vec* rows) {
  if constexpr (Rows == 1)
    return rows[0];
  else
    return merge_sums<Rows / 2>(sum_rows_tree<Rows / 2>(rows), sum_rows_tree<Rows / 2>(rows + Rows / 2));
}

// Lane r becomes the sum of the lanes of rows[r], for as many rows as there are lanes.
static inline Vec sum_rows(const Vec* rows) { return sum_rows_tree<kLanes>(rows); }

}  // namespace MATINEE_LEVEL
}  // namespace matinee
