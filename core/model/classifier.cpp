#include "model/classifier.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "model/scoring.hpp"
#include "simd/float16.hpp"
#include "simd/float_kernels.hpp"
#include "support/require.hpp"
#include "vocabulary/finder.hpp"

namespace sparsedistill {

Classifier::Classifier(const Vocabulary& vocabulary, const Network& network, InstructionSet instruction_set)
    : vocabulary_(vocabulary),
      network_(network),
      instruction_set_(instruction_set),
      stride_(simd::padded(network.features())) {
  require(network.dim > 0, "the table has no columns");
  require(is_product(network.table.size(), vocabulary.rows(), network.dim),
          "the size of the table does not match the vocabulary");
  network.head.check(network.features());
  require_available(instruction_set);
  const std::size_t features = network.features();
  hidden_weight_.resize(network.head.hidden_size() * stride_);
  for (std::size_t unit = 0; unit < network.head.hidden_size(); ++unit) {
    std::ranges::copy(network.head.hidden.weight.subspan(unit * features, features),
                      hidden_weight_.begin() + static_cast<std::ptrdiff_t>(unit * stride_));
  }
}

Classifier::~Classifier() = default;

// The buffers of one thread, and the work on one batch.
class Classifier::Worker {
 public:
  explicit Worker(const Classifier& classifier)
      : network_(classifier.network_),
        classifier_(classifier),
        kernels_(float_kernels(classifier.instruction_set_)),
        find_(classifier.vocabulary_),
        find_pair_(classifier.vocabulary_),
        features_(kBatch * classifier.stride_),
        hidden_(kBatch * simd::padded(network_.head.hidden_size())),
        pooled_(simd::padded(network_.dim)),
        piece_(simd::padded(network_.dim)) {}

  static constexpr std::size_t kBatch = FloatKernels::kBatch;

  void run(Texts texts, Texts pairs, float* logits, float* coverage) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      float* features = &features_[i * classifier_.stride_];
      const NgramFinder::Counts counts =
          network_.pair ? pool_pair(texts[i], pairs[i], features) : pool(texts[i], features);
      coverage[i] = coverage_of(counts.known, counts.tokens);
    }
    score(texts.size(), logits);
  }

 private:
  // The mean of the rows of a text's distinct n-grams; zeros if it has none.
  NgramFinder::Counts pool(std::string_view text, float* features) {
    std::ranges::fill(pooled_, 0.0F);
    rows_.clear();
    seen_.clear();
    std::size_t ngrams = 0;
    const auto flush = [&] {
      add(rows_);
      ngrams += rows_.size();
      rows_.clear();
    };
    const NgramFinder::Counts counts = find_(text, [&](std::uint32_t row) {
      if (!seen_.insert(row)) return;
      fetch(row);
      rows_.push_back(row);
      if (rows_.size() == kPiece) flush();
    });
    if (!rows_.empty()) flush();
    const float scale = inverse(static_cast<float>(ngrams));
    for (std::size_t d = 0; d < network_.dim; ++d) features[d] = pooled_[d] * scale;
    return counts;
  }

  // The features of a pair: see pairs.hpp.
  NgramFinder::Counts pool_pair(std::string_view first, std::string_view second, float* features) {
    const NgramFinder::Counts counts = find_pair_(first, second, [&](std::uint32_t row) { fetch(row); });
    std::uint64_t ngrams[kParts];
    for (const Part part : {kShared, kFirst, kSecond}) ngrams[part] = find_pair_.part(part).size();
    const float scale = inverse(static_cast<float>(ngrams[kShared] + ngrams[kFirst] + ngrams[kSecond]));
    for (const Part part : {kShared, kFirst, kSecond}) {
      std::ranges::fill(pooled_, 0.0F);
      const std::span<const std::uint32_t> rows = find_pair_.part(part);
      for (std::size_t begin = 0; begin < rows.size(); begin += kPiece) {
        add(rows.subspan(begin, std::min(kPiece, rows.size() - begin)));
      }
      for (std::size_t d = 0; d < network_.dim; ++d) features[part * network_.dim + d] = pooled_[d] * scale;
    }
    complete_pair_features(ngrams, network_.dim, features);
    return counts;
  }

  void fetch(std::uint32_t row) const { __builtin_prefetch(&network_.table[row * network_.dim]); }

  // Adds rows to the pooled sum. Long texts add one piece at a time, which keeps the rounding error small.
  void add(std::span<const std::uint32_t> rows) {
    kernels_.sum_rows(network_.table.data(), network_.dim, rows.data(), rows.size(), piece_.data());
    for (std::size_t d = 0; d < network_.dim; ++d) pooled_[d] += piece_[d];
  }

  void score(std::size_t texts, float* logits) {
    const Head& head = network_.head;
    const std::size_t hidden = head.hidden_size();
    const std::size_t classes = head.classes();
    const std::size_t row = simd::padded(hidden);
    kernels_.hidden_layer(features_.data(), texts, classifier_.stride_, classifier_.hidden_weight_.data(),
                          head.hidden.bias.data(), hidden, hidden_.data(), row);
    for (std::size_t i = 0; i < texts; ++i) {
      for (std::size_t c = 0; c < classes; ++c) {
        float sum = head.output.bias[c];
        for (std::size_t h = 0; h < hidden; ++h) sum += head.output.weight[c * hidden + h] * hidden_[i * row + h];
        logits[i * classes + c] = sum;
      }
    }
  }

  static constexpr std::size_t kPiece = 1024;  // rows

  const Network& network_;
  const Classifier& classifier_;
  const FloatKernels& kernels_;
  NgramFinder find_;
  PairFinder find_pair_;
  RowSet seen_;
  std::vector<std::uint32_t> rows_;
  std::vector<float> features_;
  std::vector<float> hidden_;
  std::vector<float> pooled_;
  std::vector<float> piece_;
};

void Classifier::operator()(Texts texts, Texts pairs, std::size_t threads, float* logits, float* coverage) const {
  score_batches(*this, workers_, texts, pairs, threads, logits, coverage);
}

}  // namespace sparsedistill
