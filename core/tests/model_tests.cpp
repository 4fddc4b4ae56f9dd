#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/classifier.hpp"
#include "model/head_kernel.hpp"
#include "model/probabilities.hpp"
#include "tests/check.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill::tests {

namespace {

std::vector<float> draw(Random& random, std::size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// A table of arbitrary bytes, or one of a few words.
std::vector<Bucket> some_buckets(Random& random, std::uint32_t rows, bool hostile) {
  if (hostile) {
    std::vector<Bucket> buckets(1 + random() % 20);
    for (Bucket& bucket : buckets) {
      for (auto& key : bucket.keys) key = random();
      for (auto& row : bucket.rows) row = static_cast<std::uint32_t>(random());
      bucket.overflowed = 1;
    }
    return buckets;
  }
  std::vector<std::uint64_t> keys;
  for (const char* word : {"the", "##th", "film", "##fil", "##fg", "##9a>", "a", "'", "-"})
    keys.push_back(key_of_ngram(word));
  keys.resize(std::min<std::size_t>(keys.size(), rows));
  return build_buckets(keys);
}

void test_instruction_sets_agree_and_stay_in_bounds() {
  Random random(3);
  for (int round = 0; round < 60; ++round) {
    const std::uint32_t rows = 1 + random() % 50;
    const std::vector<Bucket> buckets = some_buckets(random, rows, round % 2 == 0);
    const Vocabulary vocabulary(buckets, rows, {3, false, 2, round % 4 < 2 ? 4 : 0}, /*closed=*/false);
    const std::size_t dim = 1 + random() % 70;
    const std::size_t hidden = 1 + random() % 40;
    const std::size_t classes = 1 + random() % 5;
    const bool pair = random() % 2 == 0;
    const auto table = draw(random, rows * dim);
    const auto weight = draw(random, hidden * (pair ? pair_features(dim) : dim));
    const auto bias = draw(random, hidden);
    const auto output = draw(random, classes * hidden);
    const auto output_bias = draw(random, classes);
    const Network network{table, dim, pair, {{weight, bias}, {output, output_bias}}};
    std::vector<std::string> texts = hostile_texts(random, 50, 30);
    texts[0] = hostile_text(random, 4000);
    const std::vector<std::string_view> views = views_of(texts);
    const std::vector<std::string_view> others(views.rbegin(), views.rend());
    const Texts seconds = pair ? Texts(others) : Texts();
    std::vector<float> reference;
    for (const InstructionSet set : available_instruction_sets()) {
      for (const std::size_t threads : {1, 3}) {
        std::vector<float> logits(views.size() * classes);
        std::vector<float> coverage(views.size());
        Classifier(vocabulary, network, set)(views, seconds, threads, logits.data(), coverage.data());
        if (reference.empty()) reference = logits;
        CHECK(logits == reference);
      }
    }
  }
}

void test_sizes_that_do_not_match_are_rejected() {
  const std::vector<std::uint64_t> keys = {8, 16};
  const std::vector<Bucket> buckets = build_buckets(keys);
  const Vocabulary vocabulary(buckets, 2, {1, false}, true);
  const std::vector<float> floats(12);
  const std::span<const float> all(floats);
  const auto rejected = [&](const Network& network) {
    return throws<std::invalid_argument>([&] { Classifier(vocabulary, network, InstructionSet::kPortable); });
  };
  const Layer hidden = {all.first(6), all.first(3)};
  const Layer output = {all.first(6), all.first(2)};
  CHECK(!rejected({all.first(4), 2, false, {hidden, output}}));
  CHECK(rejected({all.first(5), 2, false, {hidden, output}}));
  CHECK(rejected({all.first(4), 2, true, {hidden, output}}));
  CHECK(rejected({all.first(4), 2, false, {hidden, {all.first(5), all.first(2)}}}));
  CHECK(rejected({all.first(0), 0, false, {{all.first(0), all.first(3)}, output}}));
}

// A head of several networks: blocks of zeros are left out, and a text has the same bits alone and in a batch.
void test_heads_of_blocks() {
  Random random(5);
  for (int round = 0; round < 40; ++round) {
    const std::size_t features = 1 + random() % 60;
    const std::size_t hidden = 1 + random() % 90;
    const std::size_t classes = 1 + random() % 40;
    const std::size_t texts = 1 + random() % HeadKernel::kBatch;
    auto weight = draw(random, hidden * features);
    const std::size_t begin = random() % features;
    for (std::size_t unit = 0; unit < hidden; ++unit) {
      for (std::size_t i = 0; i < features; ++i) {
        if ((i < begin) == (unit < 32)) weight[unit * features + i] = 0.0F;
      }
    }
    const auto bias = draw(random, hidden);
    const auto output = draw(random, classes * hidden);
    const auto output_bias = draw(random, classes);
    const auto x = draw(random, texts * features);
    const Head head{{weight, bias}, {output, output_bias}};
    const HeadKernel kernel(head, features);
    HeadKernel::Scratch scratch = kernel.scratch();
    for (const InstructionSet set : available_instruction_sets()) {
      std::vector<float> together(texts * classes);
      kernel.score(float_kernels(set), x.data(), texts, scratch, together.data());
      for (std::size_t text = 0; text < texts; ++text) {
        std::vector<float> alone(classes);
        kernel.score(float_kernels(set), &x[text * features], 1, scratch, alone.data());
        for (std::size_t c = 0; c < classes; ++c) {
          double sum = output_bias[c];
          for (std::size_t unit = 0; unit < hidden; ++unit) {
            double input = bias[unit];
            for (std::size_t i = 0; i < features; ++i) {
              input += static_cast<double>(weight[unit * features + i]) * x[text * features + i];
            }
            sum += output[c * hidden + unit] * std::tanh(input);
          }
          CHECK(alone[c] == together[text * classes + c]);
          CHECK(std::abs(alone[c] - sum) < 1e-4);
        }
      }
    }
  }
}

void test_probabilities() {
  const std::vector<float> logits = {0.0F, 0.0F, 1000.0F, -1000.0F};
  std::vector<float> found(4);
  compute_probabilities(logits, 2, /*multi_label=*/false, found);
  CHECK((found == std::vector<float>{0.5F, 0.5F, 1.0F, 0.0F}));
  compute_probabilities(logits, 2, /*multi_label=*/true, found);
  CHECK((found == std::vector<float>{0.5F, 0.5F, 1.0F, 0.0F}));
  compute_probabilities({}, 0, /*multi_label=*/false, {});
}

}  // namespace

void test_model() {
  test_instruction_sets_agree_and_stay_in_bounds();
  test_sizes_that_do_not_match_are_rejected();
  test_heads_of_blocks();
  test_probabilities();
}

}  // namespace sparsedistill::tests
