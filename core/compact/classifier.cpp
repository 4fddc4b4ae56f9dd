#include "compact/classifier.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "compact/kernel.hpp"
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

CompactClassifier::CompactClassifier(const CompactTable& table, const CompactNetwork& network,
                                     InstructionSet instruction_set)
    : table_(table), network_(network), instruction_set_(instruction_set), units_(simd::padded(network.hidden_size())) {
  const std::size_t dims = network.dims();
  require(dims > 0 && network.hidden_size() > 0 && network.classes() > 0, "a layer is empty");
  require(network.wide <= dims && network.centre.size() == dims, "the scales do not fit the rows");
  require(network.row_bytes() <= table.row_bytes(), "the rows are too short");
  require(network.basis.size() % dims == 0, "the basis does not fit the rows");
  require(holds(network.hidden.weight.size(), network.hidden_size(), network.features()),
          "the hidden layer does not fit the rows");
  require(holds(network.output.weight.size(), network.classes(), network.hidden_size()),
          "the output layer does not fit the hidden layer");
  require_available(instruction_set);
  hidden_weight_.resize(network.features() * units_);
  hidden_bias_.resize(units_);
  const std::size_t width = simd::padded(network.table_dim());
  if (network.pair()) {
    basis_.resize(dims * width);
    nothing_.resize(width);
  }
  for (std::size_t i = 0; i < network.basis.size(); ++i) basis_[i % dims * width + i / dims] = network.basis[i];
  output_weight_.resize(network.classes() * units_);
  for (std::size_t unit = 0; unit < network.hidden_size(); ++unit) {
    hidden_bias_[unit] = network.hidden.bias[unit];
    for (std::size_t i = 0; i < network.features(); ++i) {
      hidden_weight_[i * units_ + unit] = network.hidden.weight[unit * network.features() + i];
    }
    for (std::size_t c = 0; c < network.classes(); ++c) {
      output_weight_[c * units_ + unit] = network.output.weight[c * network.hidden_size() + unit];
    }
  }
}

CompactClassifier::~CompactClassifier() = default;

// The buffers of one thread, and what is done with them.
class CompactClassifier::Worker {
 public:
  explicit Worker(const CompactClassifier& classifier)
      : classifier_(classifier),
        network_(classifier.network_),
        kernels_(float_kernels(classifier.instruction_set_)),
        sum_(sum_texts(classifier.instruction_set_, classifier.table_)),
        scratch_(classifier.table_.row_bytes()),
        projected_(network_.dims()),
        restored_(classifier.nothing_.size()),
        features_(network_.features()),
        hidden_(classifier.units_) {}

  static constexpr std::size_t kTexts = CompactScratch::kTexts / 2;

  // Up to kTexts texts or pairs.
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
    for (std::size_t i = 0; i < texts.size(); ++i) {
      coverage[i] = network_.pair() ? read_pair(i) : read(i);
      score(logits + i * network_.classes());
    }
  }

 private:
  float read(std::size_t text) {
    const TextCounts& counts = scratch_.counts[text];
    project(&scratch_.sums[text * row_bytes()], counts.ngrams, counts.ngrams, features_.data());
    return share(counts.known, counts.tokens);
  }

  float read_pair(std::size_t pair) {
    const TextCounts& first = scratch_.counts[2 * pair];
    const TextCounts& second = scratch_.counts[2 * pair + 1];
    const std::uint64_t shared = scratch_.shared_counts[pair];
    const std::uint64_t ngrams[kParts] = {shared, first.ngrams - shared, second.ngrams - shared};
    const std::int64_t* both = &scratch_.shared_sums[pair * row_bytes()];
    std::int64_t* sides = &scratch_.sums[2 * pair * row_bytes()];
    for (std::size_t lane = 0; lane < row_bytes(); ++lane) {
      sides[lane] -= both[lane];
      sides[row_bytes() + lane] -= both[lane];
    }
    const std::int64_t* sums[kParts] = {both, sides, sides + row_bytes()};
    for (const Part part : {kShared, kFirst, kSecond}) {
      project(sums[part], ngrams[part], first.ngrams + second.ngrams - shared, projected_.data());
      restore(&features_[part * network_.table_dim()]);
    }
    compare(ngrams, network_.table_dim(), features_.data());
    return share(first.known + second.known, first.tokens + second.tokens);
  }

  static float share(std::uint64_t known, std::uint64_t tokens) {
    return tokens == 0 ? 0.0F : static_cast<float>(static_cast<double>(known) / static_cast<double>(tokens));
  }

  [[nodiscard]] std::size_t row_bytes() const { return classifier_.table_.row_bytes(); }

  // The sum of `count` rows by `ngrams`, as the numbers that they stand for.
  void project(const std::int64_t* sums, std::uint64_t count, std::uint64_t ngrams, float* numbers) const {
    if (count == 0) {
      std::fill_n(numbers, network_.dims(), 0.0F);
      return;
    }
    const double each = 1.0 / static_cast<double>(ngrams);
    const auto share = static_cast<float>(static_cast<double>(count) * each);
    for (std::size_t d = 0; d < network_.dims(); ++d) {
      std::int64_t sum = *sums++;
      if (d < network_.wide) sum = 256 * sum + *sums++;
      numbers[d] = static_cast<float>(static_cast<double>(sum) * each) * network_.scale[d] + share * network_.centre[d];
    }
  }

  // Back to the trained dimensions.
  void restore(float* numbers) {
    kernels_.linear(projected_.data(), network_.dims(), classifier_.basis_.data(), classifier_.nothing_.data(),
                    restored_.size(), restored_.data());
    std::copy_n(restored_.data(), network_.table_dim(), numbers);
  }

  void score(float* logits) {
    const std::size_t units = classifier_.units_;
    kernels_.narrow_layer(features_.data(), network_.features(), classifier_.hidden_weight_.data(),
                          classifier_.hidden_bias_.data(), units, hidden_.data());
    for (std::size_t c = 0; c < network_.classes(); ++c) {
      logits[c] = network_.output.bias[c] + kernels_.dot(hidden_.data(), &classifier_.output_weight_[c * units], units);
    }
  }

  const CompactClassifier& classifier_;
  const CompactNetwork& network_;
  const FloatKernels& kernels_;
  SumTexts sum_;
  CompactScratch scratch_;
  std::string_view sides_[2 * kTexts];
  std::vector<float> projected_;
  std::vector<float> restored_;  // padded
  std::vector<float> features_;
  std::vector<float> hidden_;
};

void CompactClassifier::operator()(Texts texts, Texts pairs, std::size_t threads, float* logits,
                                   float* coverage) const {
  require(pair() ? pairs.size() == texts.size() : pairs.empty(),
          pair() ? "each text needs its second text" : "the student reads single texts, not pairs");
  const std::vector<Range> ranges = cut(texts, 1 << 16, Worker::kTexts);
  threads = std::max<std::size_t>(1, std::min(threads, ranges.size()));
  std::vector<WorkerPool<Worker>::Lease> workers;
  workers.reserve(threads);
  for (std::size_t thread = 0; thread < threads; ++thread) {
    workers.push_back(workers_.lease([this] { return std::make_unique<Worker>(*this); }));
  }
  for_each_parallel(ranges.size(), threads, [&](std::size_t thread, std::size_t item) {
    const Range range = ranges[item];
    workers[thread]->run(texts.subspan(range.begin, range.size()),
                         pair() ? pairs.subspan(range.begin, range.size()) : pairs, logits + range.begin * classes(),
                         coverage + range.begin);
  });
}

}  // namespace sparsedistill
