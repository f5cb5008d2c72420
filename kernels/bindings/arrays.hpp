// NumPy's arrays on their way into the kernels and out of them.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

#include "kept_memory.hpp"

namespace matinee {

namespace nb = nanobind;

template <class T, int n_dimensions>
using Array = nb::ndarray<T, nb::numpy, nb::ndim<n_dimensions>, nb::c_contig, nb::device::cpu>;
template <class T>
using Vector = Array<const T, 1>;
template <class T>
using OutVector = Array<T, 1>;
template <class T>
using Matrix = Array<const T, 2>;
template <class T>
using OutMatrix = Array<T, 2>;

inline void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

template <class Given>
auto data_or_null(const std::optional<Given>& array) -> decltype(array->data()) {
  return array ? array->data() : nullptr;
}

// Whether columns are positions of n rows, checked without branches: a negative one is above any other.
inline bool lie_within(const int32_t* columns, int64_t n_columns, int64_t n) {
  const uint32_t end = uint32_t(std::min<int64_t>(n, int64_t(1) << 31));
  uint32_t outside = 0;
  for (int64_t j = 0; j < n_columns; ++j) outside |= uint32_t(uint32_t(columns[j]) >= end);
  return !outside;
}

inline bool lie_within(const Vector<int32_t>& columns, int64_t n) {
  return lie_within(columns.data(), columns.shape(0), n);
}

// Compressed sparse rows: how many there are, once each is known to begin where the one before it ends.
inline int64_t count_rows(const Vector<int64_t>& indptr, const Vector<int32_t>& columns, const Vector<float>& values) {
  const int64_t n_rows = int64_t(indptr.shape(0)) - 1, n = columns.shape(0);
  require(n_rows >= 0 && indptr.data()[n_rows] == n && int64_t(values.shape(0)) == n,
          "indptr must end at the number of columns and values");
  bool ascends = indptr.data()[0] == 0;
  for (int64_t row = 0; row < n_rows; ++row) ascends &= indptr.data()[row] <= indptr.data()[row + 1];
  require(ascends, "indptr must begin at 0 and not descend");
  return n_rows;
}

// Without values; from a large page on, memory that was used before.
template <class T>
nb::ndarray<T, nb::numpy, nb::ndim<1>> new_vector(int64_t n) {
  std::unique_ptr<Block> block(new Block(kept_memory().take(size_t(n) * sizeof(T))));
  T* data = static_cast<T*>(block->memory);
  if (!data) throw std::bad_alloc();
  nb::capsule owner(block.release(), [](void* held) noexcept {
    std::unique_ptr<Block> gone(static_cast<Block*>(held));
    kept_memory().give_back(*gone);
  });
  return nb::ndarray<T, nb::numpy, nb::ndim<1>>(data, {size_t(n)}, owner);
}

}  // namespace matinee
