#include "model/classifier.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "model/scoring.hpp"
#include "model/word_vectors.hpp"
#include "simd/float16.hpp"
#include "simd/float_kernels.hpp"
#include "support/require.hpp"
#include "vocabulary/finder.hpp"
#include "vocabulary/key_map.hpp"

namespace sparsedistill {

namespace {

const Network& checked(const Network& network, const Vocabulary& vocabulary, InstructionSet instruction_set) {
  require(network.dim > 0, "the table has no columns");
  require(is_product(network.table.size(), vocabulary.rows(), network.dim),
          "the size of the table does not match the vocabulary");
  network.head.check(network.features());
  require_available(instruction_set);
  return network;
}

}  // namespace

Classifier::Classifier(const Vocabulary& vocabulary, const Network& network, InstructionSet instruction_set)
    : vocabulary_(vocabulary),
      network_(checked(network, vocabulary, instruction_set)),
      instruction_set_(instruction_set),
      head_(network_.head, network_.features()) {}

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
        characters_(classifier.vocabulary_.config().characters()),
        vector_of_(classifier.vocabulary_, network_.table, network_.dim, kernels_),
        features_(kBatch * network_.features()),
        head_(classifier.head_.scratch()),
        pooled_(simd::padded(network_.dim)),
        piece_(simd::padded(network_.dim)),
        spelt_(simd::padded(network_.dim)) {}

  static constexpr std::size_t kBatch = HeadKernel::kBatch;

  void run(Texts texts, Texts pairs, float* logits, float* coverage) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      float* features = &features_[i * network_.features()];
      const NgramFinder::Counts counts =
          network_.pair ? pool_pair(texts[i], pairs[i], features) : pool(texts[i], features);
      coverage[i] = coverage_of(counts.known, counts.tokens);
    }
    classifier_.head_.score(kernels_, features_.data(), texts.size(), head_, logits);
  }

 private:
  // The mean of the vectors of a text's distinct n-grams and unknown words; zeros if it has none.
  NgramFinder::Counts pool(std::string_view text, float* features) {
    std::ranges::fill(pooled_, 0.0F);
    std::ranges::fill(spelt_, 0.0F);
    rows_.clear();
    seen_.clear();
    words_.clear();
    std::size_t items = 0;
    const auto found = [&](std::uint32_t row, const Token&, const Token&) {
      if (!seen_.insert(row)) return;
      fetch(row);
      ++items;
      rows_.push_back(row);
      if (rows_.size() == kPiece) add_rows();
    };
    std::size_t spelt = 0;
    const auto missed = [&](const Token& token) {
      if (!characters_ || !words_.insert(key_of(token.hash, 1)).second) return;
      const float* vector = vector_of_(key_of(token.hash, 1), span_of(text, token));
      if (vector == nullptr) return;
      ++items;
      for (std::size_t d = 0; d < network_.dim; ++d) spelt_[d] += vector[d];
      if (++spelt % kPiece == 0) add_words();
    };
    const NgramFinder::Counts counts = find_(text, found, missed);
    if (!rows_.empty()) add_rows();
    if (spelt > 0) add_words();
    const float scale = inverse(static_cast<float>(items));
    for (std::size_t d = 0; d < network_.dim; ++d) features[d] = pooled_[d] * scale;
    return counts;
  }

  // The features of a pair: see pairs.hpp.
  NgramFinder::Counts pool_pair(std::string_view first, std::string_view second, float* features) {
    words_.clear();
    unknown_.clear();
    const NgramFinder::Counts counts = find_pair_(
        first, second, [&](std::uint32_t row) { fetch(row); },
        [&](std::uint64_t key, std::string_view word) { return item_of(key, word); });
    std::uint64_t items[kParts];
    for (const Part part : {kShared, kFirst, kSecond}) items[part] = find_pair_.part(part).size();
    const float scale = inverse(static_cast<float>(items[kShared] + items[kFirst] + items[kSecond]));
    for (const Part part : {kShared, kFirst, kSecond}) {
      std::ranges::fill(pooled_, 0.0F);
      std::ranges::fill(spelt_, 0.0F);
      rows_.clear();
      std::size_t spelt = 0;
      for (const std::uint32_t item : find_pair_.part(part)) {
        if (item < classifier_.vocabulary_.rows()) {
          rows_.push_back(item);
          if (rows_.size() == kPiece) add_rows();
          continue;
        }
        const Unknown& unknown = unknown_[item - classifier_.vocabulary_.rows()];
        const float* vector = vector_of_(unknown.key, unknown.word);
        for (std::size_t d = 0; d < network_.dim; ++d) spelt_[d] += vector[d];
        if (++spelt % kPiece == 0) add_words();
      }
      if (!rows_.empty()) add_rows();
      if (spelt > 0) add_words();
      for (std::size_t d = 0; d < network_.dim; ++d) features[part * network_.dim + d] = pooled_[d] * scale;
    }
    complete_pair_features(items, network_.dim, features);
    return counts;
  }

  // A distinct unknown word of a pair.
  struct Unknown {
    std::uint64_t key;
    std::string_view word;
  };

  // The item of an unknown word of a pair, or kNoRow.
  std::uint32_t item_of(std::uint64_t key, std::string_view word) {
    if (!characters_) return kNoRow;
    const auto [item, fresh] = words_.insert(key);
    if (!fresh) return *item;
    *item = kNoRow;
    if (vector_of_(key, word) != nullptr) {
      *item = classifier_.vocabulary_.rows() + static_cast<std::uint32_t>(unknown_.size());
      unknown_.push_back({key, word});
    }
    return *item;
  }

  void fetch(std::uint32_t row) const { __builtin_prefetch(&network_.table[row * network_.dim]); }

  // Adds the collected rows to the pooled sum. Long texts add one piece at a time, which keeps the rounding error
  // small.
  void add_rows() {
    kernels_.sum_rows(network_.table.data(), network_.dim, rows_.data(), rows_.size(), piece_.data());
    for (std::size_t d = 0; d < network_.dim; ++d) pooled_[d] += piece_[d];
    rows_.clear();
  }

  // The same for the sum of unknown words.
  void add_words() {
    for (std::size_t d = 0; d < network_.dim; ++d) pooled_[d] += spelt_[d];
    std::ranges::fill(spelt_, 0.0F);
  }

  static constexpr std::size_t kPiece = 1024;  // rows or words

  const Network& network_;
  const Classifier& classifier_;
  const FloatKernels& kernels_;
  NgramFinder find_;
  PairFinder find_pair_;
  bool characters_;
  WordVectors vector_of_;
  RowSet seen_;
  KeyMap words_;  // unknown words of the text or pair; of a pair, with their items
  std::vector<Unknown> unknown_;
  std::vector<std::uint32_t> rows_;
  std::vector<float> features_;
  HeadKernel::Scratch head_;
  std::vector<float> pooled_;
  std::vector<float> piece_;
  std::vector<float> spelt_;  // the sum of unknown words
};

void Classifier::operator()(Texts texts, Texts pairs, std::size_t threads, float* logits, float* coverage) const {
  score_batches(*this, workers_, texts, pairs, threads, logits, coverage);
}

}  // namespace sparsedistill
