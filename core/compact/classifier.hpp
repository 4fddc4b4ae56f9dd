// Scores texts with a compact student: integer sums over a compact table, then a narrow head.
#pragma once

#include <cstddef>
#include <vector>

#include "compact/network.hpp"
#include "compact/table.hpp"
#include "model/head_kernel.hpp"
#include "simd/dispatch.hpp"
#include "support/parallel.hpp"

namespace sparsedistill {

class CompactClassifier {
 public:
  // Views that must outlive the classifier. Throws std::invalid_argument if their sizes do not match or this machine
  // does not support the instruction set.
  CompactClassifier(const CompactTable& table, const CompactNetwork& network, InstructionSet instruction_set);
  CompactClassifier(const CompactClassifier&) = delete;
  CompactClassifier& operator=(const CompactClassifier&) = delete;
  ~CompactClassifier();

  // See Classifier.
  void operator()(Texts texts, Texts pairs, std::size_t threads, float* logits, float* coverage) const;

  [[nodiscard]] const CompactNetwork& network() const { return network_; }
  [[nodiscard]] bool pair() const { return network_.pair(); }
  [[nodiscard]] std::size_t classes() const { return network_.head.classes(); }

 private:
  class Worker;

  const CompactTable& table_;
  CompactNetwork network_;
  InstructionSet instruction_set_;
  HeadKernel head_;
  simd::PackedLayer basis_;  // from dims back to table_dim; of pairs only
  mutable WorkerPool<Worker> workers_;
};

}  // namespace sparsedistill
