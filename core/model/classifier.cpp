#include "model/classifier.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "simd/float16.hpp"
#include "simd/float_kernels.hpp"
#include "support/require.hpp"

namespace sparsedistill {

namespace {

bool holds(std::size_t size, std::size_t rows, std::size_t columns) {
  std::size_t product = 0;
  return !__builtin_mul_overflow(rows, columns, &product) && size == product;
}

}  // namespace

Classifier::Classifier(const Vocabulary& vocabulary, const Network& network, InstructionSet instruction_set)
    : vocabulary_(vocabulary),
      network_(network),
      instruction_set_(instruction_set),
      stride_(simd::padded(network.features())) {
  require(network.dim > 0 && network.hidden_size() > 0 && network.classes() > 0, "a layer is empty");
  require(holds(network.table.size(), vocabulary.rows(), network.dim), "the table does not fit the vocabulary");
  require(holds(network.hidden.weight.size(), network.hidden_size(), network.features()),
          "the hidden layer does not fit the table");
  require(holds(network.output.weight.size(), network.classes(), network.hidden_size()),
          "the output layer does not fit the hidden layer");
  require_available(instruction_set);
  hidden_weight_.resize(network.hidden_size() * stride_);
  for (std::size_t unit = 0; unit < network.hidden_size(); ++unit) {
    std::ranges::copy(network.hidden.weight.subspan(unit * network.features(), network.features()),
                      hidden_weight_.begin() + static_cast<std::ptrdiff_t>(unit * stride_));
  }
}

Classifier::~Classifier() = default;

// The buffers of one thread, and what is done with them.
class Classifier::Worker {
 public:
  explicit Worker(const Classifier& classifier)
      : network_(classifier.network_),
        classifier_(classifier),
        kernels_(float_kernels(classifier.instruction_set_)),
        find_(classifier.vocabulary_),
        find_pair_(classifier.vocabulary_),
        features_(FloatKernels::kBatch * classifier.stride_),
        hidden_(FloatKernels::kBatch * simd::padded(network_.hidden_size())),
        pooled_(simd::padded(network_.dim)),
        piece_(simd::padded(network_.dim)) {}

  // Up to FloatKernels::kBatch texts.
  void run(Texts texts, Texts pairs, float* logits, float* coverage) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      float* features = &features_[i * classifier_.stride_];
      const NgramFinder::Counts counts =
          network_.pair ? pool_pair(texts[i], pairs[i], features) : pool(texts[i], features);
      coverage[i] = counts.tokens == 0
                        ? 0.0F
                        : static_cast<float>(static_cast<double>(counts.known) / static_cast<double>(counts.tokens));
    }
    score(texts.size(), logits);
  }

 private:
  // Mean of the rows of a text's n-grams, each once; zeros where it has none.
  NgramFinder::Counts pool(std::string_view text, float* features) {
    std::ranges::fill(pooled_, 0.0F);
    rows_.clear();
    met_.clear();
    std::size_t ngrams = 0;
    const auto flush = [&] {
      add(rows_);
      ngrams += rows_.size();
      rows_.clear();
    };
    const NgramFinder::Counts counts = find_(text, [&](std::uint32_t row) {
      if (!met_.insert(row)) return;
      fetch(row);
      rows_.push_back(row);
      if (rows_.size() == kPiece) flush();
    });
    if (!rows_.empty()) flush();
    const float scale = inverse(static_cast<float>(ngrams));
    for (std::size_t d = 0; d < network_.dim; ++d) features[d] = pooled_[d] * scale;
    return counts;
  }

  // What the head reads of a pair.
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
    compare(ngrams, network_.dim, features);
    return counts;
  }

  void fetch(std::uint32_t row) const { __builtin_prefetch(&network_.table[row * network_.dim]); }

  // Rows are summed a piece at a time: long texts lose no precision.
  void add(std::span<const std::uint32_t> rows) {
    kernels_.sum_rows(network_.table.data(), network_.dim, rows.data(), rows.size(), piece_.data());
    for (std::size_t d = 0; d < network_.dim; ++d) pooled_[d] += piece_[d];
  }

  void score(std::size_t texts, float* logits) {
    const std::size_t hidden = network_.hidden_size();
    const std::size_t classes = network_.classes();
    const std::size_t row = simd::padded(hidden);
    kernels_.hidden_layer(features_.data(), texts, classifier_.stride_, classifier_.hidden_weight_.data(),
                          network_.hidden.bias.data(), hidden, hidden_.data(), row);
    for (std::size_t i = 0; i < texts; ++i) {
      for (std::size_t c = 0; c < classes; ++c) {
        float sum = network_.output.bias[c];
        for (std::size_t h = 0; h < hidden; ++h) sum += network_.output.weight[c * hidden + h] * hidden_[i * row + h];
        logits[i * classes + c] = sum;
      }
    }
  }

  static constexpr std::size_t kPiece = 1024;

  const Network& network_;
  const Classifier& classifier_;
  const FloatKernels& kernels_;
  NgramFinder find_;
  PairFinder find_pair_;
  RowSet met_;
  std::vector<std::uint32_t> rows_;
  std::vector<float> features_;
  std::vector<float> hidden_;
  std::vector<float> pooled_;
  std::vector<float> piece_;
};

void Classifier::operator()(Texts texts, Texts pairs, std::size_t threads, float* logits, float* coverage) const {
  require(network_.pair ? pairs.size() == texts.size() : pairs.empty(),
          network_.pair ? "each text needs its second text" : "the student reads single texts, not pairs");
  const std::vector<Range> ranges = cut(texts, 1 << 16, FloatKernels::kBatch);
  threads = std::max<std::size_t>(1, std::min(threads, ranges.size()));
  std::vector<WorkerPool<Worker>::Lease> workers;
  workers.reserve(threads);
  for (std::size_t thread = 0; thread < threads; ++thread) {
    workers.push_back(workers_.lease([this] { return std::make_unique<Worker>(*this); }));
  }
  for_each_parallel(ranges.size(), threads, [&](std::size_t thread, std::size_t item) {
    const Range range = ranges[item];
    workers[thread]->run(texts.subspan(range.begin, range.size()),
                         network_.pair ? pairs.subspan(range.begin, range.size()) : pairs,
                         logits + range.begin * network_.classes(), coverage + range.begin);
  });
}

}  // namespace sparsedistill
