// Spreads work over threads: in chunks of about equal cost, which the threads take in turn without a lock.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace matinee {

// Cuts n pieces of work into chunks of about equal cost, piece i being worth cost(i); returns where each begins, and n.
template <class Cost>
std::vector<int64_t> equal_chunks(int64_t n, double chunk_cost, Cost cost) {
  std::vector<int64_t> boundaries{0};
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    sum += cost(i);
    if (sum >= chunk_cost || i + 1 == n) {
      boundaries.push_back(i + 1);
      sum = 0;
    }
  }
  return boundaries;
}

// Calls body(chunk, thread) for every chunk. The calling thread works too, and asks `interrupted` now and then: once
// that says yes, chunks are left undone and the answer is false. What a body throws is thrown again here after every
// thread has stopped. If the system has no more threads to give, the ones that it gave do the work.
inline bool run_chunks(int64_t n_chunks, int n_threads, const std::function<bool()>& interrupted,
                       const std::function<void(int64_t, int)>& body) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> stop{false};
  std::vector<std::exception_ptr> errors(n_threads);
  auto work = [&](int thread) {
    auto asked = std::chrono::steady_clock::now();
    try {
      for (int64_t chunk; !stop && (chunk = next++) < n_chunks;) {
        body(chunk, thread);
        const auto now = std::chrono::steady_clock::now();
        if (thread > 0 || now - asked < std::chrono::milliseconds(50)) continue;
        asked = now;
        if (interrupted()) stop = true;
      }
    } catch (...) {
      errors[thread] = std::current_exception();
      stop = true;
    }
  };
  std::vector<std::thread> others;
  others.reserve(n_threads);
  try {
    for (int thread = 1; thread < n_threads && thread < n_chunks; ++thread) others.emplace_back(work, thread);
  } catch (const std::system_error&) {
  }
  work(0);
  for (auto& other : others) other.join();
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  return !stop;
}

// The same for chunks that may take longer than somebody who interrupts them will wait: the calling thread does nothing
// but ask, and sets `stopped`, which the chunks' own work has to look at.
inline bool run_watched(int64_t n_chunks, int n_threads, const std::function<bool()>& interrupted, bool* stopped,
                        const std::function<void(int64_t, int)>& body) {
  std::mutex mutex;
  std::condition_variable ended;
  bool has_ended = false;
  std::exception_ptr error;
  auto is_stopped = [&] { return __atomic_load_n(stopped, __ATOMIC_RELAXED); };
  auto work = [&] {
    try {
      run_chunks(n_chunks, n_threads, is_stopped, body);
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    has_ended = true;
    ended.notify_one();
  };
  std::thread worker;
  try {
    worker = std::thread(work);
  } catch (const std::system_error&) {
    return run_chunks(n_chunks, n_threads, interrupted, body);
  }
  for (std::unique_lock<std::mutex> lock(mutex); !has_ended;) {
    if (ended.wait_for(lock, std::chrono::milliseconds(50), [&] { return has_ended; })) break;
    lock.unlock();
    if (!is_stopped() && interrupted()) __atomic_store_n(stopped, true, __ATOMIC_RELAXED);
    lock.lock();
  }
  worker.join();
  if (error) std::rethrow_exception(error);
  return !is_stopped();
}

}  // namespace matinee
