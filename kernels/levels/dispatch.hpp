// Which instruction-set levels this machine can run, and which one is in use.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "levels/level.hpp"

namespace matinee {

inline std::vector<const Level*> runnable_levels() {
  std::vector<const Level*> levels;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    levels.push_back(&kAvx512);
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
