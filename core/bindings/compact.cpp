// Bindings of core/compact.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/rooms.hpp"
#include "bindings/scoring.hpp"
#include "compact/builder.hpp"
#include "compact/character_filter.hpp"
#include "compact/classifier.hpp"
#include "compact/layout.hpp"
#include "compact/table.hpp"
#include "simd/dispatch.hpp"

namespace sparsedistill::bindings {

namespace {

using namespace nb::literals;

template <class Array>
auto view(const std::optional<Array>& array) {
  return array ? bindings::view(*array) : decltype(bindings::view(*array))();
}
using bindings::view;

// A compact table that keeps its lines alive.
class PyCompactTable {
 public:
  PyCompactTable(Array2<std::uint8_t> lines, int slots, std::optional<Array2<std::int8_t>> apart,
                 std::optional<Array1<std::uint64_t>> filter, const TokenizerConfig& tokenizer, bool closed)
      : lines_(std::move(lines)),
        apart_(std::move(apart)),
        filter_(std::move(filter)),
        table_(view_lines(lines_.data(), lines_.shape(0), lines_.shape(1)), slots, view(apart_),
               apart_ ? apart_->shape(1) : 0, view(filter_), tokenizer, closed) {}

  [[nodiscard]] const CompactTable& get() const { return table_; }

  [[nodiscard]] auto find(const Array1<std::uint64_t>& keys, bool characters) const {
    const CompactTable::Found found = table_.find_rows(view(keys), characters);
    return std::make_tuple(copied(found.positions), copied(found.rows, {found.positions.size(), table_.row_bytes()}));
  }

 private:
  Array2<std::uint8_t> lines_;
  std::optional<Array2<std::int8_t>> apart_;
  std::optional<Array1<std::uint64_t>> filter_;
  CompactTable table_;
};

// A compact classifier that keeps its weights alive.
class PyCompactClassifier {
 public:
  PyCompactClassifier(const PyCompactTable& table, std::size_t wide, Array1<float> scale, Array1<float> centre,
                      std::optional<Array2<float>> basis, Array2<float> hidden_weight, Array1<float> hidden_bias,
                      Array2<float> output_weight, Array1<float> output_bias,
                      std::optional<InstructionSet> instruction_set)
      : scale_(std::move(scale)),
        centre_(std::move(centre)),
        basis_(std::move(basis)),
        head_{std::move(hidden_weight), std::move(hidden_bias), std::move(output_weight), std::move(output_bias)},
        classifier_(table.get(), {wide, view(scale_), view(centre_), view(basis_), head_.get()},
                    instruction_set.value_or(best_instruction_set())) {}

  auto call(nb::handle source, nb::handle pair_source, std::size_t threads) const {
    return score(classifier_, source, pair_source, threads);
  }

 private:
  Array1<float> scale_;
  Array1<float> centre_;
  std::optional<Array2<float>> basis_;
  PyHead head_;
  CompactClassifier classifier_;
};

auto build(const Array1<std::uint64_t>& keys, const Array2<std::uint8_t>& rows, const Array1<std::uint16_t>& followers,
           int slots) {
  CompactBuild result;
  {
    const nb::gil_scoped_release release;
    result = build_compact(view(keys), view(rows), rows.shape(1), view(followers), slots);
  }
  return std::make_tuple(owned_records<std::uint8_t>(std::move(result.lines)), result.lost);
}

auto find_followers(const Array1<std::uint64_t>& keys, const std::vector<std::string>& ngrams) {
  std::vector<std::uint16_t> followers;
  {
    const nb::gil_scoped_release release;
    followers = followers_of(view(keys), ngrams);
  }
  return copied(followers);
}

auto find_filter(const Array1<std::uint64_t>& keys) { return copied(filter_of(view(keys))); }

}  // namespace

void bind_compact(nb::module_& m) {
  m.attr("COMPACT_APART_SLOTS") = layout::kApartSlots;
  m.attr("COMPACT_MOST_SLOTS") = layout::kMostSlots;
  m.def(
      "build_compact", &build, "keys"_a, "rows"_a, "followers"_a, "slots"_a,
      "The lines of a compact table, uint8 (lines, 64), of keys (n,) and their rows, uint8 (n, bytes); and the number\n"
      "of keys that were indistinguishable from an earlier one.");
  m.def("followers_of", &find_followers, "keys"_a, "ngrams"_a,
        "The followers of each n-gram, uint16 (n,): see core/compact/layout.hpp.");
  m.def("filter_of", &find_filter, "keys"_a,
        "The filter of the character n-grams with these keys, uint64 (words,): see core/compact/character_filter.hpp.");
  m.def("compact_slots", &layout::slots_for, "row_bytes"_a,
        "The maximum number of slots per line for rows of `row_bytes` bytes; 0 if not even one fits.");
  m.def("compact_row_bytes", &layout::row_bytes, "slots"_a,
        "The maximum number of bytes per row for `slots` slots per line.");
  nb::class_<PyCompactTable>(m, "CompactTable", "Keys and their rows, in a compact table whose lines it keeps alive.")
      .def(nb::init<Array2<std::uint8_t>, int, std::optional<Array2<std::int8_t>>, std::optional<Array1<std::uint64_t>>,
                    const TokenizerConfig&, bool>(),
           "lines"_a, "slots"_a, "apart"_a.none(), "character_filter"_a.none(), "tokenizer"_a, "closed"_a)
      .def("find", &PyCompactTable::find, "keys"_a, "characters"_a = false,
           "The positions of those of `keys` in the table, int64 (found,), and their rows, int8 (found, bytes). All\n"
           "keys are those of character n-grams, or none is.");
  nb::class_<PyCompactClassifier>(m, "CompactClassifier", "Scores texts with a compact student.")
      .def(nb::init<const PyCompactTable&, std::size_t, Array1<float>, Array1<float>, std::optional<Array2<float>>,
                    Array2<float>, Array1<float>, Array2<float>, Array1<float>, std::optional<InstructionSet>>(),
           "table"_a, "wide"_a, "scale"_a, "centre"_a, "basis"_a.none(), "hidden_weight"_a, "hidden_bias"_a,
           "output_weight"_a, "output_bias"_a, "instruction_set"_a = nb::none(), nb::keep_alive<1, 2>())
      .def("__call__", &PyCompactClassifier::call, "texts"_a, "text_pair"_a = nb::none(), "threads"_a = 1,
           "Logits float32 (n, classes) and coverage float32 (n,).");
}

}  // namespace sparsedistill::bindings
