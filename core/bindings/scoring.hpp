// What the bindings of both classifiers share.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "bindings/arrays.hpp"
#include "bindings/texts.hpp"
#include "model/network.hpp"

namespace sparsedistill::bindings {

// The weights of a head, kept alive.
struct PyHead {
  Array2<float> hidden_weight;
  Array1<float> hidden_bias;
  Array2<float> output_weight;
  Array1<float> output_bias;

  [[nodiscard]] Head get() const {
    return {{view(hidden_weight), view(hidden_bias)}, {view(output_weight), view(output_bias)}};
  }
};

// Scores the texts of `source` in slices. Returns logits float32 (n, classes) and coverage float32 (n,).
template <class Classifier>
auto score(const Classifier& classifier, nb::handle source, nb::handle pair_source, std::size_t threads) {
  Slices slices(source);
  std::optional<Slices> pairs;
  if (!pair_source.is_none()) pairs.emplace(pair_source);
  if (classifier.pair() != pairs.has_value()) {
    throw nb::type_error(classifier.pair() ? "the student reads pairs, but there are no second texts"
                                           : "the student reads single texts, not pairs");
  }
  if (pairs && pairs->size() != slices.size()) {
    throw nb::value_error("the numbers of first and second texts differ");
  }
  const std::size_t count = slices.size();
  const std::size_t classes = classifier.classes();
  std::unique_ptr<float[]> logits(new float[count * classes]);  // not zeroed
  std::unique_ptr<float[]> coverage(new float[count]);
  for (std::size_t begin = 0; begin < count;) {
    Texts texts = slices.at(begin, Slices::kTexts);
    const Texts seconds = pairs ? pairs->at(begin, texts.size()) : Texts();
    if (pairs) texts = texts.first(seconds.size());
    {
      const nb::gil_scoped_release release;
      classifier(texts, seconds, threads, logits.get() + begin * classes, coverage.get() + begin);
    }
    begin += texts.size();
    check_signals();
  }
  return std::make_tuple(owned(std::move(logits), {count, classes}), owned(std::move(coverage), {count}));
}

}  // namespace sparsedistill::bindings
