// Which instruction-set levels this machine can run, and which one is in use.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "levels/level.hpp"

#ifdef MATINEE_HAS_BF16
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace matinee {

#ifdef MATINEE_HAS_VNNI

inline Level avx512_with_vnni() {
  Level level = kAvx512;
  level.name = "avx512_vnni";
  level.rank = rank_with_vnni;
  return level;
}
inline const Level kAvx512Vnni = avx512_with_vnni();

// Sums of four products of bytes came with AVX512-VNNI, which AVX-512 does without on the oldest processors.
inline void add_avx512(std::vector<const Level*>& levels) {
  if (__builtin_cpu_supports("avx512vnni")) levels.push_back(&kAvx512Vnni);
  levels.push_back(&kAvx512);
}

#elif defined(__x86_64__)

inline void add_avx512(std::vector<const Level*>& levels) { levels.push_back(&kAvx512); }

#endif

#ifdef MATINEE_HAS_BF16

// Whether the processor multiplies tiles of bf16 and of bytes, and the system lets this process do so: their registers
// are so large that Linux wants to be asked.
inline bool has_tiles() {
#ifdef __linux__
  unsigned a, b, c, features;
  constexpr unsigned bf16 = 1u << 22, tiles = 1u << 24, bytes = 1u << 25;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &features) || (~features & (bf16 | tiles | bytes))) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

// The widest first. Intel's processors multiply pairs of bf16 at half the speed of single numbers, AMD's at twice theirs.
inline void add_wide_levels(std::vector<const Level*>& levels) {
  // Both of these levels rank with AVX512-VNNI.
  const bool has_pairs = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  const bool are_fast = __builtin_cpu_is("amd");
  if (has_pairs && has_tiles()) levels.push_back(&kAmx);
  if (has_pairs && are_fast) levels.push_back(&kAvx512Bf16);
  add_avx512(levels);
  if (has_pairs && !are_fast) levels.push_back(&kAvx512Bf16);
}

#elif defined(__x86_64__)

inline void add_wide_levels(std::vector<const Level*>& levels) { add_avx512(levels); }

#endif

inline std::vector<const Level*> runnable_levels() {
  std::vector<const Level*> levels;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    add_wide_levels(levels);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) levels.push_back(&kAvx2);
#endif
  levels.push_back(&kBaseline);
  return levels;
}

inline const Level* level = runnable_levels().front();

inline std::vector<std::string> level_names() {
  std::vector<std::string> names;
  for (const Level* each : runnable_levels()) names.emplace_back(each->name);
  return names;
}

inline void use_level(const std::string& name) {
  for (const Level* each : runnable_levels())
    if (name == each->name) {
      level = each;
      return;
    }
  throw std::invalid_argument("this machine cannot run the level '" + name + "'");
}

}  // namespace matinee
