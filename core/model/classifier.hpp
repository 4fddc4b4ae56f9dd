// Text -> scores, fused: tokens, keys, prefetched probes, gathered rows, head.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/pairs.hpp"
#include "simd/dispatch.hpp"
#include "support/parallel.hpp"
#include "vocabulary/finder.hpp"

namespace sparsedistill {

// A dense layer: y = W x + b, W as in torch.nn.Linear (outputs x inputs, row after row).
struct Layer {
  std::span<const float> weight;
  std::span<const float> bias;
};

struct Network {
  std::span<const float> table;  // rows x dim
  std::size_t dim = 0;
  bool pair = false;  // the head compares two texts: see pairs.hpp
  Layer hidden;       // followed by tanh
  Layer output;

  [[nodiscard]] std::size_t features() const { return pair ? pair_features(dim) : dim; }
  [[nodiscard]] std::size_t hidden_size() const { return hidden.bias.size(); }
  [[nodiscard]] std::size_t classes() const { return output.bias.size(); }
};

class Classifier {
 public:
  ~Classifier();

  // Views that must outlive the classifier. Throws std::invalid_argument where sizes do not fit together.
  Classifier(const Vocabulary& vocabulary, const Network& network, InstructionSet instruction_set);

  // Write the logits (texts x classes) and the coverage (texts): the share of a text's tokens, or of a
  // pair's, that the vocabulary knows, 0 for a text without tokens. `pairs` is empty or as long as
  // `texts`. The results for a text depend on it alone. May be called by several threads at once.
  void operator()(Texts texts, Texts pairs, std::size_t threads, float* logits, float* coverage) const;

  [[nodiscard]] bool pair() const { return network_.pair; }
  [[nodiscard]] std::size_t classes() const { return network_.classes(); }

 private:
  class Worker;

  const Vocabulary& vocabulary_;
  Network network_;
  InstructionSet instruction_set_;
  std::vector<float> hidden_weight_;  // padded to whole vectors
  std::size_t stride_;                // floats in a padded vector of features
  mutable WorkerPool<Worker> workers_;
};

}  // namespace sparsedistill
