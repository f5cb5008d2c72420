// Single-precision multiply-adds from registers: the most that a machine can do, for the kernels to be held against.
// Prints how many flops a second the threads do together, that many of them as the command line says.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

// The widest registers that the processor has and the kernels use.
#if defined(__AVX512F__)
constexpr int64_t kLanes = 16;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int64_t kLanes = 8;
#else
constexpr int64_t kLanes = 4;
#endif
typedef float Vec __attribute__((vector_size(kLanes * sizeof(float))));

constexpr int kChains = 12;  // hides the latency of two multiply-adds a cycle, and fits 16 registers
constexpr int64_t kRounds = 20'000'000;
constexpr int kBursts = 5;

static void multiply_add(float* result) {
  Vec sums[kChains];
  for (int chain = 0; chain < kChains; ++chain) sums[chain] = Vec{} + float(chain);
  const Vec factor = Vec{} + 0.999f, addend = Vec{} + 0.001f;
  for (int64_t round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = sums[chain] * factor + addend;
  *result = 0;
  for (const Vec& sum : sums)
    for (int64_t lane = 0; lane < kLanes; ++lane) *result += sum[lane];
}

static double seconds_of_a_burst(int n_threads, float* results) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  for (int thread = 1; thread < n_threads; ++thread) others.emplace_back(multiply_add, results + thread);
  multiply_add(results);
  for (auto& other : others) other.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int main(int, char** arguments) {
  const int n_threads = std::atoi(arguments[1]);
  std::vector<float> results(n_threads);
  double seconds = 1e300;
  for (int burst = 0; burst < kBursts; ++burst)
    seconds = std::min(seconds, seconds_of_a_burst(n_threads, results.data()));
  // What nobody reads, the compiler need not compute.
  for (const float& result : results) *static_cast<const volatile float*>(&result);
  std::printf("%.6g\n", 2.0 * kRounds * kChains * kLanes * n_threads / seconds);
}
