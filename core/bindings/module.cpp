// Python bindings, nothing else. The GIL is released around all work on texts.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <memory>
#include <optional>

#include "compact/builder.hpp"
#include "compact/classifier.hpp"
#include "model/classifier.hpp"
#include "text/characters.hpp"
#include "vocabulary/counter.hpp"
#include "vocabulary/extraction.hpp"
#include "vocabulary/strings.hpp"
#include "vocabulary/vocabulary.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace sparsedistill;

template <class T>
using Array1 = nb::ndarray<const T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Array2 = nb::ndarray<const T, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class T, class Array>
std::span<const T> view(const Array& array) {
  return {array.data(), array.size()};
}

// A NumPy array that owns `values`.
template <class T>
nb::ndarray<nb::numpy, T> owned(std::unique_ptr<T[]> values, std::initializer_list<std::size_t> shape) {
  T* data = values.get();
  nb::capsule owner(values.release(), [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::ndarray<nb::numpy, T>(data, shape, owner);
}

template <class T>
nb::ndarray<nb::numpy, T> copied(const std::vector<T>& values) {
  auto copy = std::make_unique<T[]>(values.size());
  std::ranges::copy(values, copy.get());
  return owned(std::move(copy), {values.size()});
}

// ---- texts ---------------------------------------------------------------------------------------

// Texts in an Arrow layout: one buffer of bytes, and offsets into it.
class ArrowTexts {
 public:
  ArrowTexts(Array1<std::uint8_t> data, const nb::ndarray<nb::numpy, nb::ro, nb::ndim<1>, nb::c_contig>& offsets)
      : data_(std::move(data)) {
    if (offsets.dtype() == nb::dtype<std::int32_t>()) {
      read(static_cast<const std::int32_t*>(offsets.data()), offsets.size());
    } else if (offsets.dtype() == nb::dtype<std::int64_t>()) {
      read(static_cast<const std::int64_t*>(offsets.data()), offsets.size());
    } else {
      throw nb::type_error("offsets are int32 or int64");
    }
  }

  [[nodiscard]] const std::vector<std::string_view>& texts() const { return texts_; }

  // `count` of the texts from `begin` on, over the same bytes.
  [[nodiscard]] ArrowTexts part(std::size_t begin, std::size_t count) const {
    ArrowTexts texts;
    texts.data_ = data_;
    const auto first = texts_.begin() + static_cast<std::ptrdiff_t>(begin);
    texts.texts_.assign(first, first + static_cast<std::ptrdiff_t>(count));
    return texts;
  }

 private:
  ArrowTexts() = default;

  template <class Offset>
  void read(const Offset* offsets, std::size_t count) {
    if (count == 0) return;
    texts_.reserve(count - 1);
    const auto* bytes = reinterpret_cast<const char*>(data_.data());
    for (std::size_t i = 0; i + 1 < count; ++i) {
      if (offsets[i] < 0 || offsets[i + 1] < offsets[i] || static_cast<std::size_t>(offsets[i + 1]) > data_.size()) {
        throw nb::value_error("an offset lies outside of the text buffer");
      }
      texts_.emplace_back(bytes + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
  }

  Array1<std::uint8_t> data_;
  std::vector<std::string_view> texts_;
};

// UTF-8 of a str that is not ASCII, surrogates as they come (they are ill-formed: see text.hpp).
// PyUnicode_AsUTF8 is no use: it refuses surrogates, and keeps a copy in the object for good.
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

// Views on a sequence of str, ASCII ones where they lie, the others in a buffer of UTF-8.
class StringTexts {
 public:
  // Of `strings`, a tuple that outlives this, from `begin` on; as many as fit.
  StringTexts(const nb::tuple& strings, std::size_t begin, std::size_t most_texts, std::size_t most_bytes) {
    std::vector<std::pair<std::size_t, std::size_t>> copied;  // text, place in the buffer
    const std::size_t end = std::min(strings.size(), begin + std::min(most_texts, strings.size() - begin));
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
    for (const auto& [text, place] : copied) texts_[text] = {buffer_.data() + place, texts_[text].size()};
  }

  [[nodiscard]] const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::vector<std::string_view> texts_;
  std::string buffer_;
};

nb::tuple as_tuple(nb::handle sequence) {
  if (PyUnicode_Check(sequence.ptr())) throw nb::type_error("texts are a list of str, not one str");
  return nb::steal<nb::tuple>(PySequence_Tuple(sequence.ptr()) ?: throw nb::python_error());
}

std::size_t count_texts(nb::handle source) {
  if (nb::isinstance<ArrowTexts>(source)) return nb::cast<const ArrowTexts&>(source).texts().size();
  return nb::len(source);
}

constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

// Call work(texts), without the GIL, on all texts of `source`: an ArrowTexts or a sequence of str.
template <class Work>
void with_texts(nb::handle source, Work&& work) {
  if (nb::isinstance<ArrowTexts>(source)) {
    const auto& texts = nb::cast<const ArrowTexts&>(source).texts();
    const nb::gil_scoped_release release;
    work(Texts(texts));
    return;
  }
  const nb::tuple strings = as_tuple(source);
  const StringTexts texts(strings, 0, kNoLimit, kNoLimit);
  const nb::gil_scoped_release release;
  work(Texts(texts.texts()));
}

// The same with the texts of `pair_source` too, none of which there are where it is None.
template <class Work>
void with_texts(nb::handle source, nb::handle pair_source, Work&& work) {
  with_texts(source, [&](Texts texts) {
    if (pair_source.is_none()) return work(texts, Texts());
    const nb::gil_scoped_acquire acquire;
    with_texts(pair_source, [&](Texts pairs) {
      if (pairs.size() != texts.size()) throw nb::value_error("each text needs exactly one second text");
      work(texts, pairs);
    });
  });
}

// The texts of a source, a slice at a time, so that buffers stay small and Ctrl-C gets through.
class Slices {
 public:
  explicit Slices(nb::handle source) : source_(nb::borrow(source)) {
    if (!nb::isinstance<ArrowTexts>(source)) strings_ = as_tuple(source);
    size_ = strings_ ? strings_->size() : count_texts(source);
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  // Up to `most` texts from `begin` on; valid until the next call.
  Texts at(std::size_t begin, std::size_t most) {
    if (strings_) {
      slice_.emplace(*strings_, begin, most, kBytes);
      return slice_->texts();
    }
    const Texts all = nb::cast<const ArrowTexts&>(source_).texts();
    return all.subspan(begin, std::min(most, all.size() - begin));
  }

  static constexpr std::size_t kTexts = std::size_t{1} << 14;

 private:
  static constexpr std::size_t kBytes = std::size_t{1} << 26;

  nb::object source_;
  std::optional<nb::tuple> strings_;
  std::optional<StringTexts> slice_;
  std::size_t size_;
};

void check_signals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

// ---- bound classes -------------------------------------------------------------------------------

TokenizerConfig tokenizer_config(int max_ngram, bool boundaries, int min_characters, int max_characters) {
  if (max_ngram < 1 || max_ngram > kMaxNgram) {
    throw nb::value_error(("max_ngram is 1 to " + std::to_string(kMaxNgram)).c_str());
  }
  const TokenizerConfig config = {max_ngram, boundaries, min_characters, max_characters};
  if (min_characters < kLeastCharacters || max_characters > kMostCharacters ||
      (max_characters != 0 && max_characters < min_characters)) {
    throw nb::value_error("character n-grams have 2 to 8 characters, and no fewer at most than at least");
  }
  return config;
}

std::size_t positive(std::size_t threads) { return std::max<std::size_t>(1, threads); }

std::span<const Bucket> as_buckets(const Array2<std::uint64_t>& buckets) {
  if (buckets.shape(1) * sizeof(std::uint64_t) != sizeof(Bucket)) throw nb::value_error("buckets are n x 8");
  if (reinterpret_cast<std::uintptr_t>(buckets.data()) % alignof(Bucket) != 0) {
    throw nb::value_error("buckets begin at a multiple of 64 bytes");
  }
  return {reinterpret_cast<const Bucket*>(buckets.data()), buckets.shape(0)};
}

class PyVocabulary {
 public:
  PyVocabulary(Array2<std::uint64_t> buckets, std::uint32_t rows, const TokenizerConfig& tokenizer, bool closed)
      : buckets_(std::move(buckets)), vocabulary_(as_buckets(buckets_), rows, tokenizer, closed) {}

  [[nodiscard]] const Vocabulary& get() const { return vocabulary_; }

  auto extract(nb::handle source, nb::handle pair_source, double dropout, std::size_t max_ngrams, std::uint64_t seed,
               std::size_t threads) const {
    if (!(dropout >= 0 && dropout < 1)) throw nb::value_error("dropout is at least 0 and below 1");
    std::unique_ptr<std::int64_t[]> rows;
    std::size_t count = 0;
    Extraction extraction;
    with_texts(source, pair_source, [&](Texts texts, Texts pairs) {
      extraction = sparsedistill::extract(vocabulary_, texts, pairs, {dropout, max_ngrams, seed, positive(threads)});
      count = static_cast<std::size_t>(extraction.offsets.back());
      rows.reset(new std::int64_t[count]);
      extraction.write({rows.get(), count}, positive(threads));
      extraction.parts.clear();  // before the GIL is taken again
    });
    return std::make_tuple(owned(std::move(rows), {count}), copied(extraction.offsets), copied(extraction.tokens),
                           copied(extraction.known));
  }

  [[nodiscard]] auto find(const Array1<std::uint64_t>& keys) const {
    std::vector<std::int64_t> rows;
    for (const std::uint64_t key : view<std::uint64_t>(keys)) {
      const std::uint32_t row = vocabulary_.find(key);
      rows.push_back(row == kNoRow ? -1 : static_cast<std::int64_t>(row));
    }
    return copied(rows);
  }

 private:
  Array2<std::uint64_t> buckets_;
  Vocabulary vocabulary_;
};

class PyCounter {
 public:
  PyCounter(const TokenizerConfig& tokenizer, bool by_document, std::size_t memory, std::size_t threads)
      : counter_({tokenizer, by_document, memory, positive(threads)}) {}

  void add(nb::handle source) {
    Slices slices(source);
    for (std::size_t begin = 0; begin < slices.size();) {
      const Texts texts = slices.at(begin, Slices::kTexts);
      begin += texts.size();
      {
        const nb::gil_scoped_release release;
        counter_.add(texts);
      }
      check_signals();
    }
  }

  [[nodiscard]] auto select(std::size_t most, std::uint32_t least) const {
    std::vector<NgramCount> chosen;
    {
      const nb::gil_scoped_release release;
      chosen = counter_.select(most, least);
    }
    auto keys = std::make_unique<std::uint64_t[]>(chosen.size());
    auto counts = std::make_unique<std::uint32_t[]>(chosen.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      keys[i] = chosen[i].key;
      counts[i] = chosen[i].count;
    }
    return std::make_tuple(owned(std::move(keys), {chosen.size()}), owned(std::move(counts), {chosen.size()}));
  }

  [[nodiscard]] const Counter& get() const { return counter_; }

 private:
  Counter counter_;
};

// Logits and coverage of the texts of `source`, a slice at a time.
template <class Scorer>
auto score(const Scorer& classifier, nb::handle source, nb::handle pair_source, std::size_t threads) {
  Slices slices(source);
  std::optional<Slices> pairs;
  if (!pair_source.is_none()) pairs.emplace(pair_source);
  if (classifier.pair() != pairs.has_value()) {
    throw nb::type_error(classifier.pair() ? "this student reads pairs: give it the second texts too"
                                           : "this student reads single texts, not pairs");
  }
  if (pairs && pairs->size() != slices.size()) throw nb::value_error("each text needs exactly one second text");
  const std::size_t count = slices.size();
  const std::size_t classes = classifier.classes();
  std::unique_ptr<float[]> logits(new float[count * classes]);
  std::unique_ptr<float[]> coverage(new float[count]);
  for (std::size_t begin = 0; begin < count;) {
    Texts texts = slices.at(begin, Slices::kTexts);
    const Texts seconds = pairs ? pairs->at(begin, texts.size()) : Texts();
    if (pairs) texts = texts.first(seconds.size());
    {
      const nb::gil_scoped_release release;
      classifier(texts, seconds, positive(threads), logits.get() + begin * classes, coverage.get() + begin);
    }
    begin += texts.size();
    check_signals();
  }
  return std::make_tuple(owned(std::move(logits), {count, classes}), owned(std::move(coverage), {count}));
}

class PyClassifier {
 public:
  PyClassifier(const PyVocabulary& vocabulary, Array2<float> table, bool pair, Array2<float> hidden_weight,
               Array1<float> hidden_bias, Array2<float> output_weight, Array1<float> output_bias,
               std::optional<InstructionSet> instruction_set)
      : table_(std::move(table)),
        hidden_weight_(std::move(hidden_weight)),
        hidden_bias_(std::move(hidden_bias)),
        output_weight_(std::move(output_weight)),
        output_bias_(std::move(output_bias)),
        network_{view<float>(table_),
                 table_.shape(1),
                 pair,
                 {{view<float>(hidden_weight_), view<float>(hidden_bias_)},
                  {view<float>(output_weight_), view<float>(output_bias_)}}},
        classifier_(vocabulary.get(), network_, instruction_set.value_or(available_instruction_sets().back())) {}

  auto call(nb::handle source, nb::handle pair_source, std::size_t threads) const {
    return score(classifier_, source, pair_source, threads);
  }

 private:
  Array2<float> table_;
  Array2<float> hidden_weight_;
  Array1<float> hidden_bias_;
  Array2<float> output_weight_;
  Array1<float> output_bias_;
  Network network_;
  Classifier classifier_;
};

// Softmax of the rows of logits, or the sigmoid of each.
auto probabilities(const Array2<float>& logits, bool multi_label) {
  const std::size_t rows = logits.shape(0);
  const std::size_t classes = logits.shape(1);
  std::unique_ptr<float[]> shares(new float[rows * classes]);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const float> from(logits.data() + row * classes, classes);
    const std::span<float> to(shares.get() + row * classes, classes);
    if (multi_label) {
      std::ranges::transform(from, to.begin(), [](float logit) { return 1.0F / (1.0F + std::exp(-logit)); });
      continue;
    }
    const float largest = classes == 0 ? 0.0F : *std::ranges::max_element(from);
    float sum = 0.0F;
    for (std::size_t c = 0; c < classes; ++c) sum += to[c] = std::exp(from[c] - largest);
    for (float& share : to) share /= sum;
  }
  return owned(std::move(shares), {rows, classes});
}

class PyCompactTable {
 public:
  PyCompactTable(Array2<std::uint8_t> lines, int slots, std::optional<Array2<std::int8_t>> apart,
                 const TokenizerConfig& tokenizer, bool closed)
      : lines_(std::move(lines)),
        apart_(std::move(apart)),
        table_(view_lines(lines_.data(), lines_.shape(0), lines_.shape(1)), slots,
               apart_ ? view<std::int8_t>(*apart_) : std::span<const std::int8_t>(), apart_ ? apart_->shape(1) : 0,
               tokenizer, closed) {}

  [[nodiscard]] const CompactTable& get() const { return table_; }

  // Rows int8 (found, bytes) of those of `keys` that the table has, and their places among them, int64.
  [[nodiscard]] auto find(const Array1<std::uint64_t>& keys) const {
    std::vector<std::int64_t> places;
    std::vector<std::int8_t> rows;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::uint64_t slot = table_.find(keys.data()[i]);
      if (slot == CompactTable::kNone) continue;
      places.push_back(static_cast<std::int64_t>(i));
      std::ranges::copy(table_.row(slot), std::back_inserter(rows));
    }
    auto copy = std::make_unique<std::int8_t[]>(rows.size());
    std::ranges::copy(rows, copy.get());
    return std::make_tuple(copied(places), owned(std::move(copy), {places.size(), table_.row_bytes()}));
  }

 private:
  Array2<std::uint8_t> lines_;
  std::optional<Array2<std::int8_t>> apart_;
  CompactTable table_;
};

class PyCompactClassifier {
 public:
  PyCompactClassifier(const PyCompactTable& table, std::size_t wide, Array1<float> scale, Array1<float> centre,
                      std::optional<Array2<float>> basis, Array2<float> hidden_weight, Array1<float> hidden_bias,
                      Array2<float> output_weight, Array1<float> output_bias,
                      std::optional<InstructionSet> instruction_set)
      : scale_(std::move(scale)),
        centre_(std::move(centre)),
        basis_(std::move(basis)),
        hidden_weight_(std::move(hidden_weight)),
        hidden_bias_(std::move(hidden_bias)),
        output_weight_(std::move(output_weight)),
        output_bias_(std::move(output_bias)),
        classifier_(table.get(),
                    {wide,
                     view<float>(scale_),
                     view<float>(centre_),
                     basis_ ? view<float>(*basis_) : std::span<const float>(),
                     {{view<float>(hidden_weight_), view<float>(hidden_bias_)},
                      {view<float>(output_weight_), view<float>(output_bias_)}}},
                    instruction_set.value_or(available_instruction_sets().back())) {}

  auto call(nb::handle source, nb::handle pair_source, std::size_t threads) const {
    return score(classifier_, source, pair_source, threads);
  }

 private:
  Array1<float> scale_;
  Array1<float> centre_;
  std::optional<Array2<float>> basis_;
  Array2<float> hidden_weight_;
  Array1<float> hidden_bias_;
  Array2<float> output_weight_;
  Array1<float> output_bias_;
  CompactClassifier classifier_;
};

auto build_compact_lines(const Array1<std::uint64_t>& keys, const Array2<std::uint8_t>& rows,
                         const Array1<std::uint16_t>& followers, int slots) {
  CompactBuild build;
  {
    const nb::gil_scoped_release release;
    build = build_compact(view<std::uint64_t>(keys), view<std::uint8_t>(rows), rows.shape(1),
                          view<std::uint16_t>(followers), slots);
  }
  auto* lines = new std::vector<Line>(std::move(build.lines));
  nb::capsule owner(lines, [](void* p) noexcept { delete static_cast<std::vector<Line>*>(p); });
  return std::make_tuple(nb::ndarray<nb::numpy, std::uint8_t>(lines->front().bytes, {lines->size(), kLineBytes}, owner),
                         build.lost);
}

nb::str as_str(std::string_view bytes) {
  return nb::steal<nb::str>(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace"));
}

nb::list tokenize(nb::handle text, bool boundaries) {
  const StringTexts holder(nb::make_tuple(nb::borrow(text)), 0, 1, kNoLimit);
  const std::string_view bytes = holder.texts().front();
  TokenStream stream(bytes, {1, boundaries});
  nb::list tokens;
  for (Token token; stream.next(token);) {
    std::string string = folded(bytes.substr(token.begin, token.end - token.begin));
    if (token.begin == token.end) string = token.hash == kBeginHash ? kBeginToken : kEndToken;
    tokens.append(nb::make_tuple(as_str(string), token.begin, token.end));
  }
  return tokens;
}

nb::list characters(nb::handle text, const TokenizerConfig& config) {
  const StringTexts holder(nb::make_tuple(nb::borrow(text)), 0, 1, kNoLimit);
  CharacterStream stream(holder.texts().front(), config);
  nb::list ngrams;
  for (Token token; stream.next(token);) {
    ngrams.append(nb::make_tuple(as_str(stream.string()), token.begin, token.end));
  }
  return ngrams;
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The native core: all that happens per byte or per n-gram.";
  m.attr("UNICODE_VERSION") = kUnicodeVersion;
  m.attr("TOKENIZER_VERSION") = kTokenizerVersion;
  m.attr("MAX_NGRAM") = kMaxNgram;
  m.attr("LEAST_CHARACTERS") = kLeastCharacters;
  m.attr("MOST_CHARACTERS") = kMostCharacters;
  m.attr("LEAST_COUNTER_MEMORY") = Counter::kLeastMemory;

  nb::enum_<InstructionSet>(m, "InstructionSet", "Instruction sets that the kernels are compiled for.")
      .value("PORTABLE", InstructionSet::kPortable)
      .value("AVX2", InstructionSet::kAvx2)
      .value("AVX512", InstructionSet::kAvx512)
      .value("NEON", InstructionSet::kNeon);
  m.def("available_instruction_sets", &available_instruction_sets,
        "The instruction_sets that this machine has, the best one last.");

  nb::class_<TokenizerConfig>(m, "TokenizerConfig", "What n-grams texts have.")
      .def(
          "__init__",
          [](TokenizerConfig* self, int max_ngram, bool boundaries, int min_characters, int max_characters) {
            new (self) TokenizerConfig(tokenizer_config(max_ngram, boundaries, min_characters, max_characters));
          },
          "max_ngram"_a, "boundaries"_a, "min_characters"_a = TokenizerConfig{}.min_characters, "max_characters"_a = 0)
      .def_prop_ro("most_ngrams", &TokenizerConfig::most_ngrams, "n-grams for each byte of a text, at most.");
  m.def("characters", &characters, "text"_a, "tokenizer"_a,
        "The character n-grams of a text: (n-gram, first byte of its word, byte behind its last).");
  m.def("tokenize", &tokenize, "text"_a, "boundaries"_a = false,
        "The tokens of a text: (folded token, first byte, byte behind the last) of its UTF-8.");
  m.def(
      "keys_of",
      [](const std::vector<std::string>& ngrams) {
        std::vector<std::uint64_t> keys;
        keys.reserve(ngrams.size());
        for (const std::string& ngram : ngrams) keys.push_back(key_of_ngram(ngram));
        return copied(keys);
      },
      "ngrams"_a, "Keys of n-grams given as folded tokens with a space between, uint64 (n,).");
  m.def(
      "build_buckets",
      [](const Array1<std::uint64_t>& keys) {
        std::vector<Bucket> buckets;
        {
          const nb::gil_scoped_release release;
          buckets = build_buckets(view<std::uint64_t>(keys));
        }
        const std::size_t count = buckets.size();
        // A vector of Bucket keeps their alignment; so does whoever owns it.
        auto* kept = new std::vector<Bucket>(std::move(buckets));
        nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<Bucket>*>(p); });
        return nb::ndarray<nb::numpy, std::uint64_t>(reinterpret_cast<std::uint64_t*>(kept->data()), {count, 8}, owner);
      },
      "keys"_a, "The hash table of `keys` (n,), whose places are their rows: uint64 (buckets, 8).");

  m.def("probabilities", &probabilities, "logits"_a, "multi_label"_a,
        "Softmax of the rows of float32 (n, classes), or the sigmoid of each.");
  m.def("build_compact", &build_compact_lines, "keys"_a, "rows"_a, "followers"_a, "slots"_a,
        "Lines uint8 (lines, 64) of a compact table of `keys` (n,) with `rows` uint8 (n, bytes), and how many keys\n"
        "could not be told from one before.");
  m.def(
      "followers_of",
      [](const Array1<std::uint64_t>& keys, const std::vector<std::string>& ngrams) {
        const nb::gil_scoped_release release;
        std::vector<std::uint16_t> followers = followers_of(view<std::uint64_t>(keys), ngrams);
        const nb::gil_scoped_acquire acquire;
        return copied(followers);
      },
      "keys"_a, "ngrams"_a, "What may follow each n-gram, uint16 (n,): see core/compact.hpp.");
  m.def("compact_slots", &layout::slots_for, "row_bytes"_a,
        "The most slots a line for rows of so many bytes; 0: none.");
  m.def("compact_row_bytes", &layout::row_bytes, "slots"_a, "The most bytes a row for so many slots a line.");
  m.attr("COMPACT_APART_SLOTS") = layout::kApartSlots;
  m.attr("COMPACT_MOST_SLOTS") = layout::kMostSlots;

  nb::class_<ArrowTexts>(m, "ArrowTexts", "Texts in Arrow's layout, used where they lie.")
      .def(nb::init<Array1<std::uint8_t>, const nb::ndarray<nb::numpy, nb::ro, nb::ndim<1>, nb::c_contig>&>(), "data"_a,
           "offsets"_a)
      .def("__len__", [](const ArrowTexts& texts) { return texts.texts().size(); })
      .def(
          "__getitem__",
          [](const ArrowTexts& texts, const nb::slice& slice) {
            const auto [begin, end, step, count] = slice.compute(texts.texts().size());
            if (step != 1) throw nb::value_error("texts are sliced in steps of 1");
            return texts.part(static_cast<std::size_t>(begin), count);
          },
          "part"_a, "Some of the texts, over the same bytes.")
      .def(
          "sizes",
          [](const ArrowTexts& texts) {
            std::vector<std::int64_t> sizes(texts.texts().size());
            std::ranges::transform(texts.texts(), sizes.begin(),
                                   [](std::string_view text) { return static_cast<std::int64_t>(text.size()); });
            return copied(sizes);
          },
          "Bytes of each text, int64 (n,).");

  nb::class_<PyVocabulary>(m, "Vocabulary", "Key -> row, over buckets that it keeps alive.")
      .def(nb::init<Array2<std::uint64_t>, std::uint32_t, const TokenizerConfig&, bool>(), "buckets"_a, "rows"_a,
           "tokenizer"_a, "closed"_a)
      .def("extract", &PyVocabulary::extract, "texts"_a, "text_pair"_a.none(), "dropout"_a, "max_ngrams"_a, "seed"_a,
           "threads"_a,
           "n-gram rows of texts as CSR: rows int64 (nnz,), offsets int64 (n + 1,), or (3 * n + 1,) of pairs; and\n"
           "the tokens of each text or pair, int64 (n,), and those that the vocabulary knows, int64 (n,).")
      .def("find", &PyVocabulary::find, "keys"_a, "Rows of keys, int64 (n,), -1 where there is none.");

  nb::class_<PyCounter>(m, "Counter", "Counts n-grams in bounded memory, on all cores.")
      .def(nb::init<const TokenizerConfig&, bool, std::size_t, std::size_t>(), "tokenizer"_a, "by_document"_a,
           "memory"_a, "threads"_a)
      .def("add", &PyCounter::add, "texts"_a)
      .def("select", &PyCounter::select, "most"_a, "least"_a, "Keys uint64 (n,) and counts uint32 (n,), by rank.")
      .def_prop_ro("texts", [](const PyCounter& counter) { return counter.get().texts(); })
      .def_prop_ro("tokens", [](const PyCounter& counter) { return counter.get().tokens(); })
      .def_prop_ro("error_bound", [](const PyCounter& counter) { return counter.get().error_bound(); })
      .def("__len__", [](const PyCounter& counter) { return counter.get().size(); });

  nb::class_<NgramStrings>(m, "NgramStrings", "Gathers the strings of a vocabulary's n-grams.")
      .def(
          "__init__",
          [](NgramStrings* self, const PyVocabulary& vocabulary) { new (self) NgramStrings(vocabulary.get()); },
          "vocabulary"_a, nb::keep_alive<1, 2>())
      .def(
          "add",
          [](NgramStrings& strings, nb::handle source, std::size_t threads) {
            with_texts(source, [&](Texts texts) { strings.add(texts, positive(threads)); });
          },
          "texts"_a, "threads"_a)
      .def("missing", &NgramStrings::missing)
      .def("strings", [](const NgramStrings& strings) {
        nb::list result;
        for (const std::string& string : strings.strings()) result.append(as_str(string));
        return result;
      });

  nb::class_<PyClassifier>(m, "Classifier", "Text -> scores, fused.")
      .def(nb::init<const PyVocabulary&, Array2<float>, bool, Array2<float>, Array1<float>, Array2<float>,
                    Array1<float>, std::optional<InstructionSet>>(),
           "vocabulary"_a, "table"_a, "pair"_a, "hidden_weight"_a, "hidden_bias"_a, "output_weight"_a, "output_bias"_a,
           "instruction_set"_a = nb::none(), nb::keep_alive<1, 2>())
      .def("__call__", &PyClassifier::call, "texts"_a, "text_pair"_a = nb::none(), "threads"_a = 1,
           "Logits float32 (n, classes) and coverage float32 (n,).");

  nb::class_<PyCompactTable>(m, "CompactTable",
                             "Keys and their rows in one hash table, over lines that it keeps alive.")
      .def(nb::init<Array2<std::uint8_t>, int, std::optional<Array2<std::int8_t>>, const TokenizerConfig&, bool>(),
           "lines"_a, "slots"_a, "apart"_a.none(), "tokenizer"_a, "closed"_a)
      .def("find", &PyCompactTable::find, "keys"_a,
           "Which of `keys` it has, int64 (found,), and their rows, int8 (found, bytes).");

  nb::class_<PyCompactClassifier>(m, "CompactClassifier", "Text -> scores over a compact table.")
      .def(nb::init<const PyCompactTable&, std::size_t, Array1<float>, Array1<float>, std::optional<Array2<float>>,
                    Array2<float>, Array1<float>, Array2<float>, Array1<float>, std::optional<InstructionSet>>(),
           "table"_a, "wide"_a, "scale"_a, "centre"_a, "basis"_a.none(), "hidden_weight"_a, "hidden_bias"_a,
           "output_weight"_a, "output_bias"_a, "instruction_set"_a = nb::none(), nb::keep_alive<1, 2>())
      .def("__call__", &PyCompactClassifier::call, "texts"_a, "text_pair"_a = nb::none(), "threads"_a = 1,
           "Logits float32 (n, classes) and coverage float32 (n,).");
}
