#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/check.hpp"
#include "vocabulary/counter.hpp"
#include "vocabulary/extraction.hpp"
#include "vocabulary/strings.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill::tests {

namespace {

using Counts = std::map<std::uint64_t, std::uint32_t>;

Counts plain_count(const std::string& text, const TokenizerConfig& config) {
  const std::vector<std::uint64_t> hashes = token_hashes(text, config);
  Counts counts;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    std::uint64_t rolled = hashes[i];
    for (int order = 1; order <= config.max_ngram && i + order <= hashes.size(); ++order) {
      if (order > 1) rolled = roll(rolled, hashes[i + order - 1]);
      ++counts[key_of(rolled, order)];
    }
  }
  for (const std::uint64_t key : plain_characters(text, config)) ++counts[key];
  return counts;
}

// Counts the n-grams of texts, and compares with plain_count. Returns the keys by descending count.
std::vector<std::uint64_t> check_counts(const std::vector<std::string>& texts, const TokenizerConfig& config) {
  Counter counter({config, false, Counter::kLeastMemory, 3});
  counter.add(views_of(texts));
  Counts expected;
  for (const std::string& text : texts) {
    for (const auto& [key, count] : plain_count(text, config)) expected[key] += count;
  }
  const std::vector<NgramCount> found = counter.select(1U << 30, 1);
  CHECK(found.size() == expected.size());
  std::vector<std::uint64_t> keys;
  for (const NgramCount& entry : found) {
    CHECK(expected[entry.key] == entry.count);
    keys.push_back(entry.key);
  }
  return keys;
}

void test_counting_and_finding() {
  Random random(2);
  for (int round = 0; round < 300; ++round) {
    const TokenizerConfig config = random_config(random);
    const std::vector<std::string> texts = hostile_texts(random, 5, round % 10 == 0 ? 3000 : 60);
    std::vector<std::uint64_t> keys = check_counts(texts, config);
    if (keys.empty()) continue;
    keys.resize(1 + keys.size() / 2);
    const std::vector<Bucket> buckets = build_buckets(keys);
    const Vocabulary vocabulary(buckets, static_cast<std::uint32_t>(keys.size()), config, /*closed=*/true);
    for (std::size_t row = 0; row < keys.size(); ++row) CHECK(vocabulary.find(keys[row]) == row);
    std::uint64_t distinct = 0;
    for (const std::string& text : texts) {
      const Counts counts = plain_count(text, config);
      for (const std::uint64_t key : keys) distinct += counts.contains(key) ? 1 : 0;
    }
    const Extraction extraction = extract(vocabulary, views_of(texts), {}, {0.0, 0, 0, 2});
    CHECK(static_cast<std::uint64_t>(extraction.offsets.back()) == distinct);
    NgramStrings strings(vocabulary);
    strings.add(views_of(texts), 2);
    CHECK(strings.missing() == 0);
    CHECK(keys_of_ngrams(strings.strings()) == keys);
  }
}

void test_invalid_tables_are_rejected() {
  CHECK(throws<std::invalid_argument>([] { build_buckets(std::vector<std::uint64_t>{8, 8}); }));
  const std::vector<Bucket> buckets = build_buckets(std::vector<std::uint64_t>{8, 16});
  const auto* words = reinterpret_cast<const std::uint64_t*>(buckets.data());
  CHECK(view_buckets(words, buckets.size(), 8).size() == buckets.size());
  CHECK(throws<std::invalid_argument>([&] { view_buckets(words, buckets.size(), 7); }));
  CHECK(throws<std::invalid_argument>([&] { view_buckets(words + 1, buckets.size(), 8); }));
  CHECK(throws<std::invalid_argument>([&] { extract(Vocabulary(buckets, 2, {1, false}, true), {}, {}, {1.0}); }));
}

}  // namespace

void test_vocabulary() {
  test_counting_and_finding();
  test_invalid_tables_are_rejected();
}

}  // namespace sparsedistill::tests
