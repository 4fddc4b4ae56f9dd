// Texts as arguments: a sequence of str, or Arrow buffers.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bindings/arrays.hpp"
#include "support/parallel.hpp"

namespace sparsedistill::bindings {

// Texts in the Arrow layout: a buffer of UTF-8, and offsets into it, int32 or int64.
class ArrowTexts {
 public:
  ArrowTexts(Array1<std::uint8_t> data, const nb::ndarray<nb::numpy, nb::ro, nb::ndim<1>, nb::c_contig>& offsets);

  [[nodiscard]] const std::vector<std::string_view>& texts() const { return texts_; }

  // `count` of the texts, from `begin` on, over the same buffer.
  [[nodiscard]] ArrowTexts slice(std::size_t begin, std::size_t count) const;

 private:
  ArrowTexts() = default;

  template <class Offset>
  void read(const Offset* offsets, std::size_t count);

  Array1<std::uint8_t> data_;
  std::vector<std::string_view> texts_;
};

// Views on a sequence of str. ASCII strings are used in place, others are copied to a buffer as UTF-8.
class StringTexts {
 public:
  static constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

  // The strings from `begin` on, up to `most_texts` of them or until the buffer exceeds `most_bytes`. The tuple must
  // outlive the views. Raises TypeError if one is not a str.
  StringTexts(const nb::tuple& strings, std::size_t begin = 0, std::size_t most_texts = kNoLimit,
              std::size_t most_bytes = kNoLimit);

  [[nodiscard]] const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::vector<std::string_view> texts_;
  std::string buffer_;
};

// The items of a sequence. Raises TypeError for a str.
nb::tuple as_tuple(nb::handle sequence);

// A str from UTF-8, in which ill-formed sequences are replaced by U+FFFD.
nb::str as_str(std::string_view bytes);

// Raises the exception of a pending signal, such as KeyboardInterrupt.
void check_signals();

// Calls work(texts), without the GIL, for all texts of `source`, an ArrowTexts or a sequence of str.
template <class Work>
void with_texts(nb::handle source, const Work& work) {
  if (nb::isinstance<ArrowTexts>(source)) {
    const auto& texts = nb::cast<const ArrowTexts&>(source).texts();
    const nb::gil_scoped_release release;
    work(Texts(texts));
    return;
  }
  const nb::tuple strings = as_tuple(source);
  const StringTexts texts(strings);
  const nb::gil_scoped_release release;
  work(Texts(texts.texts()));
}

// Calls work(texts, pairs) in the same way. `pairs` is empty if `pair_source` is None.
template <class Work>
void with_texts(nb::handle source, nb::handle pair_source, const Work& work) {
  with_texts(source, [&](Texts texts) {
    if (pair_source.is_none()) return work(texts, Texts());
    const nb::gil_scoped_acquire acquire;
    with_texts(pair_source, [&](Texts pairs) {
      if (pairs.size() != texts.size()) throw nb::value_error("the numbers of first and second texts differ");
      work(texts, pairs);
    });
  });
}

// The texts of a source in slices: buffers stay small, and signals are handled between slices.
class Slices {
 public:
  explicit Slices(nb::handle source);

  [[nodiscard]] std::size_t size() const { return size_; }

  // Up to `most` texts from `begin` on, valid until the next call.
  Texts at(std::size_t begin, std::size_t most);

  static constexpr std::size_t kTexts = std::size_t{1} << 14;

 private:
  static constexpr std::size_t kBytes = std::size_t{1} << 26;

  nb::object source_;
  std::optional<nb::tuple> strings_;
  std::optional<StringTexts> slice_;
  std::size_t size_;
};

}  // namespace sparsedistill::bindings
