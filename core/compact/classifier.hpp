// Text -> scores over a CompactTable: sums of integers, then a narrow head.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compact/table.hpp"
#include "model/classifier.hpp"

namespace sparsedistill {

// What becomes of the sums of a text's rows.
//
// A row holds `dims` numbers: the first `wide` of them in two bytes (256 * first + second, both signed),
// the others in one. The mean over a text's n-grams, times `scale`, plus `centre`, is what the head reads;
// a text without n-grams is read as zeros. The parts of a pair are first taken back to the dimensions of the
// trained table by `basis`, and compared there (see pairs.hpp).
struct CompactNetwork {
  std::size_t wide = 0;
  std::span<const float> scale;   // dims
  std::span<const float> centre;  // dims
  std::span<const float> basis;   // table_dim x dims for pairs; else empty
  Layer hidden;                   // followed by tanh
  Layer output;

  [[nodiscard]] std::size_t dims() const { return scale.size(); }
  [[nodiscard]] std::size_t row_bytes() const { return wide + dims(); }
  [[nodiscard]] bool pair() const { return !basis.empty(); }
  [[nodiscard]] std::size_t table_dim() const { return pair() ? basis.size() / dims() : dims(); }
  [[nodiscard]] std::size_t features() const { return pair() ? pair_features(table_dim()) : dims(); }
  [[nodiscard]] std::size_t hidden_size() const { return hidden.bias.size(); }
  [[nodiscard]] std::size_t classes() const { return output.bias.size(); }
};

class CompactClassifier {
 public:
  // Views that must outlive the classifier. Throws std::invalid_argument where sizes do not fit together.
  CompactClassifier(const CompactTable& table, const CompactNetwork& network, InstructionSet instruction_set);
  ~CompactClassifier();

  // As Classifier's.
  void operator()(Texts texts, Texts pairs, std::size_t threads, float* logits, float* coverage) const;

  [[nodiscard]] bool pair() const { return network_.pair(); }
  [[nodiscard]] std::size_t classes() const { return network_.classes(); }

 private:
  class Worker;

  const CompactTable& table_;
  CompactNetwork network_;
  InstructionSet instruction_set_;
  std::size_t units_;                 // hidden, padded to whole vectors
  std::vector<float> hidden_weight_;  // features x units
  std::vector<float> hidden_bias_;    // units
  std::vector<float> output_weight_;  // classes x units
  std::vector<float> basis_;          // dims x table_dim, padded to whole vectors; of pairs alone
  std::vector<float> nothing_;        // as many zeros
  mutable WorkerPool<Worker> workers_;
};

}  // namespace sparsedistill
