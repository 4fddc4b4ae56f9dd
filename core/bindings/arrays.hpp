// NumPy arrays as arguments and results.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace sparsedistill::bindings {

namespace nb = nanobind;

// Arguments: contiguous arrays of one or two dimensions, used in place.
template <class T>
using Array1 = nb::ndarray<const T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Array2 = nb::ndarray<const T, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class T>
std::span<const T> view(const Array1<T>& array) {
  return {array.data(), array.size()};
}
template <class T>
std::span<const T> view(const Array2<T>& array) {
  return {array.data(), array.size()};
}

// An array that owns `values`.
template <class T>
nb::ndarray<nb::numpy, T> owned(std::unique_ptr<T[]> values, std::initializer_list<std::size_t> shape) {
  T* data = values.get();
  const nb::capsule owner(values.release(), [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::ndarray<nb::numpy, T>(data, shape, owner);
}

// Copies `values` to an array.
template <class T>
nb::ndarray<nb::numpy, T> copied(const std::vector<T>& values, std::initializer_list<std::size_t> shape) {
  auto copy = std::make_unique<T[]>(values.size());
  std::ranges::copy(values, copy.get());
  return owned(std::move(copy), shape);
}
template <class T>
nb::ndarray<nb::numpy, T> copied(const std::vector<T>& values) {
  return copied(values, {values.size()});
}

// An array of T (records, T per record) that owns `records`, with their alignment. There must be at least one.
template <class T, class Record>
nb::ndarray<nb::numpy, T> owned_records(std::vector<Record> records) {
  auto kept = std::make_unique<std::vector<Record>>(std::move(records));
  const std::size_t count = kept->size();
  T* data = reinterpret_cast<T*>(kept->data());
  const nb::capsule owner(kept.release(), [](void* p) noexcept { delete static_cast<std::vector<Record>*>(p); });
  return nb::ndarray<nb::numpy, T>(data, {count, sizeof(Record) / sizeof(T)}, owner);
}

}  // namespace sparsedistill::bindings
