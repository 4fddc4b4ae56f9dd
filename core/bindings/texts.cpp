#include "bindings/texts.hpp"

#include <algorithm>
#include <utility>

#include "text/utf8.hpp"

namespace sparsedistill::bindings {

namespace {

// Appends the UTF-8 of a str that is not ASCII. Surrogates are encoded unchanged, which the core reads as ill-formed.
// PyUnicode_AsUTF8 rejects surrogates, and caches its result in the object.
void append_utf8(PyObject* text, std::string& bytes) {
  const auto length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(text));
  const auto append = [&](const auto* characters, std::size_t most) {
    const std::size_t begin = bytes.size();
    bytes.resize(begin + most * length);
    char* out = bytes.data() + begin;
    for (std::size_t i = 0; i < length; ++i) {
      encode(static_cast<char32_t>(characters[i]), [&](std::uint8_t byte) { *out++ = static_cast<char>(byte); });
    }
    bytes.resize(static_cast<std::size_t>(out - bytes.data()));
  };
  switch (PyUnicode_KIND(text)) {
    case PyUnicode_1BYTE_KIND:
      return append(PyUnicode_1BYTE_DATA(text), 2);
    case PyUnicode_2BYTE_KIND:
      return append(PyUnicode_2BYTE_DATA(text), 3);
    default:
      return append(PyUnicode_4BYTE_DATA(text), 4);
  }
}

}  // namespace

ArrowTexts::ArrowTexts(Array1<std::uint8_t> data,
                       const nb::ndarray<nb::numpy, nb::ro, nb::ndim<1>, nb::c_contig>& offsets)
    : data_(std::move(data)) {
  if (offsets.dtype() == nb::dtype<std::int32_t>()) {
    read(static_cast<const std::int32_t*>(offsets.data()), offsets.size());
  } else if (offsets.dtype() == nb::dtype<std::int64_t>()) {
    read(static_cast<const std::int64_t*>(offsets.data()), offsets.size());
  } else {
    throw nb::type_error("offsets must be int32 or int64");
  }
}

ArrowTexts ArrowTexts::slice(std::size_t begin, std::size_t count) const {
  ArrowTexts texts;
  texts.data_ = data_;
  const auto first = texts_.begin() + static_cast<std::ptrdiff_t>(begin);
  texts.texts_.assign(first, first + static_cast<std::ptrdiff_t>(count));
  return texts;
}

template <class Offset>
void ArrowTexts::read(const Offset* offsets, std::size_t count) {
  if (count == 0) return;
  texts_.reserve(count - 1);
  const auto* bytes = reinterpret_cast<const char*>(data_.data());
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (offsets[i] < 0 || offsets[i + 1] < offsets[i] || static_cast<std::size_t>(offsets[i + 1]) > data_.size()) {
      throw nb::value_error("an offset is outside the text buffer");
    }
    texts_.emplace_back(bytes + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
  }
}

StringTexts::StringTexts(const nb::tuple& strings, std::size_t begin, std::size_t most_texts, std::size_t most_bytes) {
  std::vector<std::pair<std::size_t, std::size_t>> copied;  // text, position in the buffer
  const std::size_t end = begin + std::min(most_texts, strings.size() - begin);
  for (std::size_t i = begin; i < end && buffer_.size() <= most_bytes; ++i) {
    PyObject* text = PyTuple_GET_ITEM(strings.ptr(), static_cast<Py_ssize_t>(i));
    if (!PyUnicode_Check(text)) {
      throw nb::type_error(("text " + std::to_string(i) + " is a " + Py_TYPE(text)->tp_name + ", not a str").c_str());
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) != 0) throw nb::python_error();
#endif
    if (PyUnicode_IS_COMPACT_ASCII(text)) {
      texts_.emplace_back(static_cast<const char*>(PyUnicode_DATA(text)),
                          static_cast<std::size_t>(PyUnicode_GET_LENGTH(text)));
    } else {
      copied.emplace_back(texts_.size(), buffer_.size());
      append_utf8(text, buffer_);
      texts_.emplace_back(nullptr, buffer_.size() - copied.back().second);
    }
  }
  for (const auto& [text, position] : copied) texts_[text] = {buffer_.data() + position, texts_[text].size()};
}

nb::tuple as_tuple(nb::handle sequence) {
  if (PyUnicode_Check(sequence.ptr())) throw nb::type_error("texts must be a list of str, not one str");
  return nb::steal<nb::tuple>(PySequence_Tuple(sequence.ptr()) ?: throw nb::python_error());
}

nb::str as_str(std::string_view bytes) {
  return nb::steal<nb::str>(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace"));
}

void check_signals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

Slices::Slices(nb::handle source) : source_(nb::borrow(source)) {
  if (nb::isinstance<ArrowTexts>(source)) {
    size_ = nb::cast<const ArrowTexts&>(source).texts().size();
  } else {
    strings_ = as_tuple(source);
    size_ = strings_->size();
  }
}

Texts Slices::at(std::size_t begin, std::size_t most) {
  if (strings_) {
    slice_.emplace(*strings_, begin, most, kBytes);
    return slice_->texts();
  }
  const Texts all = nb::cast<const ArrowTexts&>(source_).texts();
  return all.subspan(begin, std::min(most, all.size() - begin));
}

}  // namespace sparsedistill::bindings
