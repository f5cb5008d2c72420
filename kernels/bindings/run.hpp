// Chunks of work over threads, with the interpreter released meanwhile.
#pragma once

#include <nanobind/nanobind.h>

#include "bindings/arrays.hpp"
#include "threads.hpp"

namespace matinee {

constexpr int kMostThreads = 4096;  // more than any machine has, and each has its scratch

inline bool signal_arrived() {
  nanobind::gil_scoped_acquire acquire;
  return PyErr_CheckSignals() != 0;
}

inline void require_threads(int n_threads) {
  require(n_threads >= 1 && n_threads <= kMostThreads, "n_threads must be from 1 to 4096");
}

// Calls body(chunk, thread) for every chunk; raises what a signal raises in Python, such as KeyboardInterrupt.
inline void run(int64_t n_chunks, int n_threads, const std::function<void(int64_t, int)>& body) {
  require_threads(n_threads);
  bool finished;
  {
    nanobind::gil_scoped_release release;
    finished = run_chunks(n_chunks, n_threads, signal_arrived, body);
  }
  if (!finished) throw nanobind::python_error();
}

// The same for chunks that may take long, and look at `stopped` themselves.
inline void run_watched(int64_t n_chunks, int n_threads, bool* stopped, const std::function<void(int64_t, int)>& body) {
  bool finished;
  {
    nanobind::gil_scoped_release release;
    finished = run_watched(n_chunks, n_threads, signal_arrived, stopped, body);
  }
  if (!finished) throw nanobind::python_error();
}

}  // namespace matinee
