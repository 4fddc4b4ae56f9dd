// Bindings of core/model, and of the instruction sets.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "bindings/arrays.hpp"
#include "bindings/rooms.hpp"
#include "bindings/scoring.hpp"
#include "bindings/vocabulary.hpp"
#include "model/classifier.hpp"
#include "model/probabilities.hpp"
#include "simd/dispatch.hpp"

namespace sparsedistill::bindings {

namespace {

using namespace nb::literals;

// A classifier that keeps its weights alive.
class PyClassifier {
 public:
  PyClassifier(const PyVocabulary& vocabulary, Array2<float> table, bool pair, Array2<float> hidden_weight,
               Array1<float> hidden_bias, Array2<float> output_weight, Array1<float> output_bias,
               std::optional<InstructionSet> instruction_set)
      : table_(std::move(table)),
        head_{std::move(hidden_weight), std::move(hidden_bias), std::move(output_weight), std::move(output_bias)},
        classifier_(vocabulary.get(), {view(table_), table_.shape(1), pair, head_.get()},
                    instruction_set.value_or(best_instruction_set())) {}

  auto call(nb::handle source, nb::handle pair_source, std::size_t threads) const {
    return score(classifier_, source, pair_source, threads);
  }

 private:
  Array2<float> table_;
  PyHead head_;
  Classifier classifier_;
};

auto probabilities(const Array2<float>& logits, bool multi_label) {
  std::unique_ptr<float[]> result(new float[logits.size()]);  // not zeroed
  compute_probabilities(view(logits), logits.shape(1), multi_label, {result.get(), logits.size()});
  return owned(std::move(result), {logits.shape(0), logits.shape(1)});
}

}  // namespace

void bind_model(nb::module_& m) {
  nb::enum_<InstructionSet>(m, "InstructionSet", "The instruction sets that the kernels are compiled for.")
      .value("PORTABLE", InstructionSet::kPortable)
      .value("AVX2", InstructionSet::kAvx2)
      .value("AVX512", InstructionSet::kAvx512)
      .value("NEON", InstructionSet::kNeon);
  m.def("available_instruction_sets", &available_instruction_sets,
        "The instruction sets that this machine supports, the fastest last.");
  m.def("probabilities", &probabilities, "logits"_a, "multi_label"_a,
        "The softmax of each row of logits, float32 (n, classes), or with `multi_label` the sigmoid of each logit.");
  nb::class_<PyClassifier>(m, "Classifier", "Scores texts with an uncompressed student.")
      .def(nb::init<const PyVocabulary&, Array2<float>, bool, Array2<float>, Array1<float>, Array2<float>,
                    Array1<float>, std::optional<InstructionSet>>(),
           "vocabulary"_a, "table"_a, "pair"_a, "hidden_weight"_a, "hidden_bias"_a, "output_weight"_a, "output_bias"_a,
           "instruction_set"_a = nb::none(), nb::keep_alive<1, 2>())
      .def("__call__", &PyClassifier::call, "texts"_a, "text_pair"_a = nb::none(), "threads"_a = 1,
           "Logits float32 (n, classes) and coverage float32 (n,).");
}

}  // namespace sparsedistill::bindings
