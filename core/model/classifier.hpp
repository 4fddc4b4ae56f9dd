// Scores texts with an uncompressed student, in one pass: tokens, keys, prefetched lookups, sums of rows, head.
#pragma once

#include <cstddef>
#include <vector>

#include "model/head_kernel.hpp"
#include "model/network.hpp"
#include "simd/dispatch.hpp"
#include "support/parallel.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill {

class Classifier {
 public:
  // Views that must outlive the classifier. Throws std::invalid_argument if their sizes do not match or this machine
  // does not support the instruction set.
  Classifier(const Vocabulary& vocabulary, const Network& network, InstructionSet instruction_set);
  Classifier(const Classifier&) = delete;
  Classifier& operator=(const Classifier&) = delete;
  ~Classifier();

  // Writes the logits (texts x classes) and the coverage (texts), the share of the tokens of a text or pair that are
  // in the vocabulary. `pairs` has the second texts of pairs, else it is empty. The result for a text depends only on
  // the text. Several threads may call this at once.
  void operator()(Texts texts, Texts pairs, std::size_t threads, float* logits, float* coverage) const;

  [[nodiscard]] bool pair() const { return network_.pair; }
  [[nodiscard]] std::size_t classes() const { return network_.head.classes(); }

 private:
  class Worker;

  const Vocabulary& vocabulary_;
  Network network_;
  InstructionSet instruction_set_;
  HeadKernel head_;
  mutable WorkerPool<Worker> workers_;
};

}  // namespace sparsedistill
