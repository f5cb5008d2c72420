// Memory that starts a cache line, without values; gone with its owner.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <new>

#include "constants.hpp"

namespace matinee {

struct AlignedMemory {
  explicit AlignedMemory(int64_t bytes)
      : start(std::aligned_alloc(kCacheLine, round_up(std::max<int64_t>(bytes, 1), kCacheLine))) {
    if (!start) throw std::bad_alloc();
  }
  AlignedMemory(AlignedMemory&& other) noexcept : start(other.start) { other.start = nullptr; }
  AlignedMemory(const AlignedMemory&) = delete;
  ~AlignedMemory() { std::free(start); }
  void* start;
};

}  // namespace matinee
