#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
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

// Checks the extraction of texts against their items, found one at a time.
void check_extraction(const Vocabulary& vocabulary, const std::vector<std::string>& texts, bool folded) {
  const TokenizerConfig& config = vocabulary.config();
  const Extraction found = extract(vocabulary, views_of(texts), {}, {0.0, 0, 0, 2, folded});
  std::vector<std::int64_t> rows(static_cast<std::size_t>(found.offsets.back()));
  std::vector<std::int64_t> words(static_cast<std::size_t>(found.word_offsets.back()));
  found.write(rows, words, 2);
  for (std::size_t text = 0; text < texts.size(); ++text) {
    TokenizerConfig tokens = config;
    tokens.max_characters = 0;
    std::multiset<std::int64_t> expected;
    for (const auto& [key, count] : plain_count(texts[text], tokens)) {
      if (const std::uint32_t row = vocabulary.find(key); row != kNoRow) expected.insert(row);
    }
    std::map<std::uint64_t, std::vector<std::int64_t>> characters;  // of the words that need them
    std::size_t unknown = 0;
    for (const PlainWord& word : plain_words(texts[text], config)) {
      const bool known = vocabulary.find(word.key) != kNoRow;
      std::vector<std::int64_t> spelt;
      for (const std::uint64_t key : word.characters) {
        if (const std::uint32_t row = vocabulary.find(key); row != kNoRow) spelt.push_back(row);
      }
      if (spelt.empty() || (known && folded)) continue;
      if (characters.emplace(word.key, spelt).second && !known) ++unknown;
    }
    const auto part = [&](const std::vector<std::int64_t>& values, const std::vector<std::int64_t>& offsets) {
      return std::vector<std::int64_t>(values.begin() + offsets[text], values.begin() + offsets[text + 1]);
    };
    const std::vector<std::int64_t> its_rows = part(rows, found.offsets);
    CHECK(std::multiset<std::int64_t>(its_rows.begin(), its_rows.end()) == expected);
    CHECK(found.counts[text] == static_cast<std::int64_t>(expected.size() + unknown));
    std::multiset<std::vector<std::int64_t>> its_words;
    for (const std::int64_t word : part(words, found.word_offsets)) {
      its_words.emplace(found.characters.begin() + found.character_offsets[static_cast<std::size_t>(word)],
                        found.characters.begin() + found.character_offsets[static_cast<std::size_t>(word) + 1]);
    }
    std::multiset<std::vector<std::int64_t>> expected_words;
    for (const auto& [key, spelt] : characters) expected_words.insert(spelt);
    CHECK(its_words == expected_words);
  }
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
    for (const bool folded : {false, true}) check_extraction(vocabulary, texts, folded);
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
