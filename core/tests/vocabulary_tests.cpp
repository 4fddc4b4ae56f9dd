#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/check.hpp"
#include "vocabulary/count_table.hpp"
#include "vocabulary/counter.hpp"
#include "vocabulary/extraction.hpp"
#include "vocabulary/key_map.hpp"
#include "vocabulary/row_set.hpp"
#include "vocabulary/runs.hpp"
#include "vocabulary/strings.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill::tests {

namespace {

using Counts = std::map<std::uint64_t, std::uint64_t>;

const Pause kNoPause = [] {};

bool same(const std::vector<NgramCount>& a, const std::vector<NgramCount>& b) {
  return std::ranges::equal(
      a, b, [](const NgramCount& x, const NgramCount& y) { return x.key == y.key && x.count == y.count; });
}

// The choice of a Selection, by sorting all counts.
std::vector<NgramCount> plain_selection(const Counts& counts, std::size_t most, std::uint64_t least) {
  std::vector<NgramCount> chosen;
  for (const auto& [key, count] : counts) {
    if (count >= least) chosen.push_back({key, count});
  }
  std::ranges::stable_sort(chosen, [](const NgramCount& a, const NgramCount& b) {
    return a.count != b.count ? a.count > b.count : order_of(a.key) < order_of(b.key);
  });
  chosen.resize(std::min(most, chosen.size()));
  return chosen;
}

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
  Counter counter({config, false, Counter::kLeastMemory, 3, {}});
  counter.add(views_of(texts));
  Counts expected;
  for (const std::string& text : texts) {
    for (const auto& [key, count] : plain_count(text, config)) expected[key] += count;
  }
  const std::vector<NgramCount> found = counter.select(1U << 30, 1, kNoPause);
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
    std::vector<std::string> spelt;
    for (std::size_t row = 0; row < strings.rows(); ++row) spelt.emplace_back(strings.string(row));
    CHECK(keys_of_ngrams(spelt) == keys);
  }
}

// Counts that go to disk again and again are those of one table, and runs of several counters add up to them.
void test_counts_on_disk() {
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    const TokenizerConfig config = random_config(random);
    const std::vector<std::string> texts = hostile_texts(random, 40, 200);
    Counts expected;
    for (const std::string& text : texts) {
      for (const auto& [key, count] : plain_count(text, config)) expected[key] += count;
    }
    const std::size_t limit = 1 + random() % 50;
    Counter counter({config, false, Counter::kLeastMemory, 3, "/tmp"}, limit);
    CountRuns merged("/tmp");
    const std::string path = "/tmp/sparsedistill-run-" + std::to_string(::getpid());
    for (const std::string& text : texts) {
      counter.add(std::vector<std::string_view>{text});
      Counter part({config, false, Counter::kLeastMemory, 2, round % 2 == 0 ? "" : "/tmp"});
      part.add(std::vector<std::string_view>{text});
      CHECK(part.write(RunFile::create(path), kNoPause) == plain_count(text, config).size());
      merged.add(RunFile::open(path), kNoPause);
      ::unlink(path.c_str());  // the next part is another file
    }
    CHECK(counter.spills() > 0);
    CHECK(counter.error_bound() == 0);
    const std::vector<std::pair<std::size_t, std::uint64_t>> choices = {
        {1'000'000, 1}, {7, 1}, {50, 2}, {0, 1}, {100, 3}};
    for (const auto& [most, least] : choices) {
      const std::vector<NgramCount> chosen = plain_selection(expected, most, least);
      CHECK(same(counter.select(most, least, kNoPause), chosen));
      CHECK(same(merged.select(most, least, kNoPause), chosen));
    }
    CHECK(merged.write(RunFile::create(path), kNoPause) == expected.size());
    CHECK(counter.write(RunFile::create(path), kNoPause) == expected.size());
    const RunFile written = RunFile::open(path);
    RunReader reader(written, 3);
    for (const auto& [key, count] : expected) {
      CHECK(reader.next() && reader.current().key == key && reader.current().count == count);
    }
    CHECK(!reader.next());
    ::unlink(path.c_str());
  }
}

// More runs than are merged at once.
void test_many_runs() {
  CountRuns runs("/tmp");
  Counts expected;
  Random random(4);
  for (int i = 0; i < 300; ++i) {
    RunFile file = RunFile::temporary("/tmp");
    RunWriter writer(file);
    std::set<std::uint64_t> keys;
    for (int k = 0; k < 20; ++k) keys.insert(random() % 200);
    for (const std::uint64_t key : keys) {
      const std::uint64_t count = 1 + random() % 3 * 40000;  // also more than a Selection tells apart
      writer.add({key, count});
      expected[key] += count;
    }
    writer.finish();
    runs.add(std::move(file), kNoPause);
  }
  for (const std::size_t most : {1, 10, 100, 1000}) {
    CHECK(same(runs.select(most, 1, kNoPause), plain_selection(expected, most, 1)));
  }
  CHECK(same(runs.select(1000, 5'000'000, kNoPause), plain_selection(expected, 1000, 5'000'000)));
}

void test_damaged_runs_are_rejected() {
  const auto read = [](const std::vector<std::uint64_t>& words, std::size_t bytes) {
    const std::string path = "/tmp/sparsedistill-damaged-" + std::to_string(::getpid());
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(words.data()), static_cast<long>(bytes));
    CountRuns runs("/tmp");
    runs.add(RunFile::open(path), kNoPause);
    ::unlink(path.c_str());
    return runs.select(10, 1, kNoPause).size();
  };
  CHECK(read({8, 1, 16, 2}, 32) == 2);
  CHECK(read({}, 0) == 0);
  CHECK(throws<std::invalid_argument>([&] { read({8, 1, 16, 2}, 31); }));
  CHECK(throws<std::invalid_argument>([&] { read({16, 1, 8, 2}, 32); }));
  CHECK(throws<std::invalid_argument>([&] { read({8, 1, 8, 2}, 32); }));
  CHECK(throws<std::invalid_argument>([&] { read({8, 0}, 16); }));
  CHECK(throws<std::system_error>([&] { RunFile::open("/tmp/sparsedistill-no-such-file"); }));
  CHECK(throws<std::system_error>([&] { RunFile::temporary("/tmp/sparsedistill-no-such-directory"); }));
}

// A slot that is full starts again; what it counted is not lost, not even if rare n-grams are dropped.
void test_counts_beyond_a_slot() {
  CountTable table(3);
  for (int i = 0; i < 10; ++i) table.add(8);
  for (int i = 0; i < 3; ++i) table.add(16);
  for (std::uint64_t key = 100; key < 300; ++key) table.add(key);
  table.prune(2);
  Counts found;
  table.for_each([&](std::uint64_t key, std::uint64_t count) { found[key] = count; });
  CHECK((found == Counts{{8, 10}, {16, 3}}));
  table.clear();
  CHECK(table.size() == 0);
  table.add(8);
  table.for_each([&](std::uint64_t key, std::uint64_t count) { CHECK(key == 8 && count == 1); });
}

// Keys that share their first bits cost a table no more room than others.
void test_crowded_keys_are_spread() {
  const std::vector<std::uint64_t> keys = keys_of_ngrams(crowded_words(1000));
  const std::vector<Bucket> buckets = build_buckets(keys);
  CHECK(buckets.size() < keys.size());
  const Vocabulary vocabulary(buckets, static_cast<std::uint32_t>(keys.size()), {}, true);
  for (std::size_t row = 0; row < keys.size(); ++row) CHECK(vocabulary.find(keys[row]) == row);
  CHECK(vocabulary.find(8) == kNoRow);
}

// Tables of keys that texts choose: all keys have the same lower bits, which are the upper ones of none of them.
void test_sets_of_similar_keys() {
  KeyMap map;
  RowSet set;
  for (int round = 0; round < 3; ++round) {
    map.clear();
    set.clear();
    for (std::uint32_t i = 0; i < 200'000; ++i) {
      const auto [number, fresh] = map.insert(std::uint64_t{i} << 40 | 0xFFFF);
      CHECK(fresh && *number == 0);
      *number = i;
      CHECK(set.insert(i << 12 | i >> 20));
    }
    for (std::uint32_t i = 0; i < 200'000; ++i) {
      const auto [number, fresh] = map.insert(std::uint64_t{i} << 40 | 0xFFFF);
      CHECK(!fresh && *number == i);
      CHECK(!set.insert(i << 12 | i >> 20));
    }
    CHECK(!map.contains(1));
    CHECK(!set.contains(0xFFF));
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
  test_counts_on_disk();
  test_many_runs();
  test_damaged_runs_are_rejected();
  test_counts_beyond_a_slot();
  test_crowded_keys_are_spread();
  test_sets_of_similar_keys();
  test_invalid_tables_are_rejected();
}

}  // namespace sparsedistill::tests
