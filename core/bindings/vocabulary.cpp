// Bindings of core/vocabulary.
#include "bindings/vocabulary.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/rooms.hpp"
#include "bindings/texts.hpp"
#include "vocabulary/buckets.hpp"
#include "vocabulary/counter.hpp"
#include "vocabulary/extraction.hpp"
#include "vocabulary/runs.hpp"
#include "vocabulary/strings.hpp"

namespace sparsedistill::bindings {

namespace {

using namespace nb::literals;

auto build(const Array1<std::uint64_t>& keys) {
  std::vector<Bucket> buckets;
  {
    const nb::gil_scoped_release release;
    buckets = build_buckets(view(keys));
  }
  return owned_records<std::uint64_t>(std::move(buckets));
}

auto extract_rows(const PyVocabulary& vocabulary, nb::handle source, nb::handle pair_source, double dropout,
                  std::size_t max_ngrams, std::uint64_t seed, std::size_t threads, bool folded) {
  std::unique_ptr<std::int64_t[]> rows;
  std::unique_ptr<std::int64_t[]> words;
  std::size_t count = 0;
  std::size_t word_count = 0;
  Extraction extraction;
  with_texts(source, pair_source, [&](Texts texts, Texts pairs) {
    extraction = extract(vocabulary.get(), texts, pairs, {dropout, max_ngrams, seed, threads, folded});
    count = static_cast<std::size_t>(extraction.offsets.back());
    word_count = static_cast<std::size_t>(extraction.word_offsets.back());
    rows.reset(new std::int64_t[count]);  // not zeroed
    words.reset(new std::int64_t[word_count]);
    extraction.write({rows.get(), count}, {words.get(), word_count}, threads);
    extraction.pieces.clear();  // while the GIL is released
  });
  return std::make_tuple(owned(std::move(rows), {count}), copied(extraction.offsets), copied(extraction.counts),
                         owned(std::move(words), {word_count}), copied(extraction.word_offsets),
                         copied(extraction.characters), copied(extraction.character_offsets), copied(extraction.tokens),
                         copied(extraction.known));
}

auto characters_of(const PyVocabulary& vocabulary, const std::vector<std::string>& words) {
  WordRows found;
  {
    const nb::gil_scoped_release release;
    found = rows_of_words(vocabulary.get(), words);
  }
  return std::make_tuple(copied(found.rows), copied(found.offsets));
}

void count_texts(Counter& counter, nb::handle source) {
  Slices slices(source);
  for (std::size_t begin = 0; begin < slices.size();) {
    const Texts texts = slices.at(begin, Slices::kTexts);
    begin += texts.size();
    {
      const nb::gil_scoped_release release;
      counter.add(texts);
    }
    check_signals();
  }
}

// Lets signals through during work without the GIL.
void pause() {
  const nb::gil_scoped_acquire acquire;
  check_signals();
}

// The most frequent n-grams of a Counter or of runs, as arrays.
template <class Counts>
auto select(Counts& counted, std::size_t most, std::uint64_t least) {
  std::vector<NgramCount> chosen;
  {
    const nb::gil_scoped_release release;
    chosen = counted.select(most, least, pause);
  }
  auto keys = std::make_unique<std::uint64_t[]>(chosen.size());
  auto counts = std::make_unique<std::uint64_t[]>(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    keys[i] = chosen[i].key;
    counts[i] = chosen[i].count;
  }
  return std::make_tuple(owned(std::move(keys), {chosen.size()}), owned(std::move(counts), {chosen.size()}));
}

template <class Counts>
std::uint64_t write_counts(Counts& counts, const std::string& path) {
  const nb::gil_scoped_release release;
  return counts.write(RunFile::create(path), pause);
}

auto spellings(const NgramStrings& strings) {
  const std::size_t rows = strings.rows();
  auto offsets = std::make_unique<std::int64_t[]>(rows + 1);
  for (std::size_t row = 0; row < rows; ++row) {
    offsets[row + 1] = offsets[row] + static_cast<std::int64_t>(strings.string(row).size());
  }
  const auto size = static_cast<std::size_t>(offsets[rows]);
  auto bytes = std::make_unique<std::uint8_t[]>(size);
  for (std::size_t row = 0; row < rows; ++row) std::ranges::copy(strings.string(row), bytes.get() + offsets[row]);
  return std::make_tuple(owned(std::move(offsets), {rows + 1}), owned(std::move(bytes), {size}));
}

void bind_table(nb::module_& m) {
  m.def("build_buckets", &build, "keys"_a,
        "The bucket table of keys (n,), in which the row of a key is its position: uint64 (buckets, 8).");
  nb::class_<PyVocabulary>(m, "Vocabulary", "Keys and their rows, in a bucket table that it keeps alive.")
      .def(nb::init<Array2<std::uint64_t>, std::uint32_t, const TokenizerConfig&, bool>(), "buckets"_a, "rows"_a,
           "tokenizer"_a, "closed"_a)
      .def("extract", &extract_rows, "texts"_a, "text_pair"_a.none(), "dropout"_a, "max_ngrams"_a, "seed"_a,
           "threads"_a, "folded"_a, "The n-gram rows and words of texts: the arrays of NgramRows, in their order.")
      .def("characters", &characters_of, "words"_a,
           "The rows of the known character n-grams of folded words as CSR: rows int64 (nnz,), offsets int64 (n + 1,).")
      .def(
          "find",
          [](const PyVocabulary& vocabulary, const Array1<std::uint64_t>& keys) {
            return copied(vocabulary.get().find(view(keys)));
          },
          "keys"_a, "The rows of keys, int64 (n,); -1 for missing keys.");
}

void bind_counter(nb::module_& m) {
  m.attr("LEAST_COUNTER_MEMORY") = Counter::kLeastMemory;
  nb::class_<Counter>(m, "Counter", "Counts n-grams in bounded memory, with several threads.")
      .def(
          "__init__",
          [](Counter* self, const TokenizerConfig& tokenizer, bool by_document, std::size_t memory, std::size_t threads,
             std::string directory) {
            new (self) Counter({tokenizer, by_document, memory, threads, std::move(directory)});
          },
          "tokenizer"_a, "by_document"_a, "memory"_a, "threads"_a, "directory"_a)
      .def("add", &count_texts, "texts"_a)
      .def("select", &select<Counter>, "most"_a, "least"_a,
           "The most frequent n-grams: keys uint64 (n,) and counts uint64 (n,), by rank.")
      .def("write", &write_counts<Counter>, "path"_a, "Writes all counts to a file, as a run; their number.")
      .def_prop_ro("spills", &Counter::spills)
      .def_prop_ro("texts", &Counter::texts)
      .def_prop_ro("tokens", &Counter::tokens)
      .def_prop_ro("error_bound", &Counter::error_bound);
  nb::class_<CountRuns>(m, "MergedCounts", "Counts of several runs, added up.")
      .def(nb::init<std::string>(), "directory"_a)
      .def(
          "add",
          [](CountRuns& counts, const std::string& path) {
            const nb::gil_scoped_release release;
            counts.add(RunFile::open(path), pause);
          },
          "path"_a)
      .def("select", &select<CountRuns>, "most"_a, "least"_a, "As that of Counter.")
      .def("write", &write_counts<CountRuns>, "path"_a, "As that of Counter.");
}

void bind_strings(nb::module_& m) {
  nb::class_<NgramStrings>(m, "NgramStrings", "Collects the strings of a vocabulary's n-grams from texts.")
      .def(
          "__init__",
          [](NgramStrings* self, const PyVocabulary& vocabulary) { new (self) NgramStrings(vocabulary.get()); },
          "vocabulary"_a, nb::keep_alive<1, 2>())
      .def(
          "add",
          [](NgramStrings& strings, nb::handle source, std::size_t threads) {
            with_texts(source, [&](Texts texts) { strings.add(texts, threads); });
          },
          "texts"_a, "threads"_a)
      .def("missing", &NgramStrings::missing)
      .def("strings", &spellings, "The strings by row, as Arrow has them: offsets int64 (n + 1,) and bytes uint8.");
}

}  // namespace

void bind_vocabulary(nb::module_& m) {
  bind_table(m);
  bind_counter(m);
  bind_strings(m);
}

}  // namespace sparsedistill::bindings
