#include "compact/classifier.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "compact/kernel.hpp"
#include "model/scoring.hpp"
#include "simd/float16.hpp"
#include "simd/float_kernels.hpp"
#include "support/require.hpp"

namespace sparsedistill {

namespace {

const CompactNetwork& checked(const CompactNetwork& network, const CompactTable& table,
                              InstructionSet instruction_set) {
  const std::size_t dims = network.dims();
  require(dims > 0, "the rows are empty");
  require(network.wide <= dims && network.centre.size() == dims, "the size of the scales does not match the rows");
  require(network.row_bytes() <= table.row_bytes(), "the rows are too short");
  require(network.basis.size() % dims == 0, "the size of the basis does not match the rows");
  network.head.check(network.features());
  require_available(instruction_set);
  return network;
}

}  // namespace

CompactClassifier::CompactClassifier(const CompactTable& table, const CompactNetwork& network,
                                     InstructionSet instruction_set)
    : table_(table),
      network_(checked(network, table, instruction_set)),
      instruction_set_(instruction_set),
      head_(network_.head, network_.features()),
      basis_(network_.basis, std::vector<float>(network_.pair() ? network_.table_dim() : 0), network_.dims()) {}

CompactClassifier::~CompactClassifier() = default;

// The buffers of one thread, and the work on one batch.
class CompactClassifier::Worker {
 public:
  explicit Worker(const CompactClassifier& classifier)
      : classifier_(classifier),
        network_(classifier.network_),
        kernels_(float_kernels(classifier.instruction_set_)),
        sum_(sum_texts_kernel(classifier.instruction_set_, classifier.table_)),
        scratch_(classifier.table_, RowNumbers(network_)),
        projected_(network_.dims()),
        restored_(classifier.basis_.width()),
        features_(kTogether * network_.features()),
        head_(classifier.head_.scratch()) {}

  static constexpr std::size_t kBatch = CompactScratch::kTexts / 2;  // texts or pairs

  void run(Texts texts, Texts pairs, float* logits, float* coverage) {
    const std::string_view* sides = texts.data();
    std::size_t count = texts.size();
    if (network_.pair()) {
      for (std::size_t i = 0; i < texts.size(); ++i) {
        sides_[2 * i] = texts[i];
        sides_[2 * i + 1] = pairs[i];
      }
      sides = sides_;
      count *= 2;
    }
    sum_(classifier_.table_, sides, count, network_.pair(), scratch_);
    for (std::size_t begin = 0; begin < texts.size(); begin += kTogether) {
      const std::size_t together = std::min(kTogether, texts.size() - begin);
      for (std::size_t i = 0; i < together; ++i) {
        float* features = &features_[i * network_.features()];
        coverage[begin + i] = network_.pair() ? read_pair(begin + i, features) : read(begin + i, features);
      }
      classifier_.head_.score(kernels_, features_.data(), together, head_, logits + begin * network_.head.classes());
    }
  }

 private:
  // Computes the features of a text from its sums. Returns its coverage.
  float read(std::size_t text, float* features) {
    const TextCounts& counts = scratch_.counts[text];
    project(&scratch_.sums[text * row_bytes()], counts.items, counts.items, features);
    return coverage_of(counts.known, counts.tokens);
  }

  // The same for a pair.
  float read_pair(std::size_t pair, float* features) {
    const TextCounts& first = scratch_.counts[2 * pair];
    const TextCounts& second = scratch_.counts[2 * pair + 1];
    const std::uint64_t shared = scratch_.shared_counts[pair];
    const std::uint64_t items[kParts] = {shared, first.items - shared, second.items - shared};
    const std::int64_t* both = &scratch_.shared_sums[pair * row_bytes()];
    std::int64_t* sides = &scratch_.sums[2 * pair * row_bytes()];
    for (std::size_t lane = 0; lane < row_bytes(); ++lane) {
      sides[lane] -= both[lane];
      sides[row_bytes() + lane] -= both[lane];
    }
    const std::int64_t* sums[kParts] = {both, sides, sides + row_bytes()};
    for (const Part part : {kShared, kFirst, kSecond}) {
      project(sums[part], items[part], first.items + second.items - shared, projected_.data());
      restore(features + part * network_.table_dim());
    }
    complete_pair_features(items, network_.table_dim(), features);
    return coverage_of(first.known + second.known, first.tokens + second.tokens);
  }

  [[nodiscard]] std::size_t row_bytes() const { return classifier_.table_.row_bytes(); }

  // Converts the sum of `count` rows to numbers, divided by `items`.
  void project(const std::int64_t* sums, std::uint64_t count, std::uint64_t items, float* numbers) const {
    if (count == 0) {
      std::fill_n(numbers, network_.dims(), 0.0F);
      return;
    }
    const double each = 1.0 / static_cast<double>(items);
    const auto share = static_cast<float>(static_cast<double>(count) * each);
    for (std::size_t d = 0; d < network_.dims(); ++d) {
      std::int64_t sum = *sums++;
      if (d < network_.wide) sum = 256 * sum + *sums++;
      numbers[d] = static_cast<float>(static_cast<double>(sum) * each) * network_.scale[d] + share * network_.centre[d];
    }
  }

  // Projects the numbers back to the dimensions of the trained table.
  void restore(float* numbers) {
    kernels_.linear(projected_.data(), 1, network_.dims(), classifier_.basis_.view(), restored_.data());
    std::copy_n(restored_.data(), network_.table_dim(), numbers);
  }

  static constexpr std::size_t kTogether = HeadKernel::kBatch;  // texts that share the loads of weights

  const CompactClassifier& classifier_;
  const CompactNetwork& network_;
  const FloatKernels& kernels_;
  SumTexts sum_;
  CompactScratch scratch_;
  std::string_view sides_[2 * kBatch];
  std::vector<float> projected_;
  std::vector<float> restored_;  // rounded up to whole vectors
  std::vector<float> features_;
  HeadKernel::Scratch head_;
};

void CompactClassifier::operator()(Texts texts, Texts pairs, std::size_t threads, float* logits,
                                   float* coverage) const {
  score_batches(*this, workers_, texts, pairs, threads, logits, coverage);
}

}  // namespace sparsedistill
