#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "compact/builder.hpp"
#include "compact/classifier.hpp"
#include "compact/items.hpp"
#include "compact/kernel.hpp"
#include "tests/check.hpp"
#include "vocabulary/counter.hpp"
#include "vocabulary/strings.hpp"

namespace sparsedistill::tests {

namespace {

// The slots of a text's n-grams, found one at a time.
std::set<std::uint64_t> plain_slots(const CompactTable& table, std::string_view text) {
  const std::vector<std::uint64_t> hashes = token_hashes(text, table.config());
  std::set<std::uint64_t> slots;
  for (std::size_t start = 0; start < hashes.size(); ++start) {
    std::uint64_t rolled = hashes[start];
    for (int order = 1;; ++order) {
      const std::uint64_t slot = table.find(key_of(rolled, order));
      if (slot != CompactTable::kNone) slots.insert(slot);
      const std::size_t next = start + static_cast<std::size_t>(order);
      const std::uint32_t missed = table.closed() ? 0 : 0xFFFF;
      const std::uint32_t followers = slot == CompactTable::kNone ? missed : table.followers(slot) | missed;
      if (order == table.config().max_ngram || next == hashes.size()) break;
      if ((followers & follower_bit(hashes[next])) == 0) break;
      rolled = roll(rolled, hashes[next]);
    }
  }
  return slots;
}

// The n-grams that occur twice in random texts, and random rows.
struct Material {
  TokenizerConfig config;
  bool apart;  // rows stored separately
  int slots;
  std::size_t bytes;  // per row
  std::vector<std::string> texts;
  std::vector<std::string_view> views;
  std::vector<std::uint64_t> keys;
  std::vector<std::uint8_t> rows;
  CompactBuild build;
  std::vector<std::uint64_t> filter;  // of all n-grams: a filter may pass more than it must

  Material(Random& random, int round) : config(random_config(random)), apart(round % 5 == 0) {
    for (int i = 0; i < 40; ++i) {
      const bool is_long = (i == 7 || i == 12 || i == 13) && round % 4 == 0;
      texts.push_back(hostile_text(random, is_long ? 3000 : 60));
    }
    views = views_of(texts);
    Counter counter({config, false, Counter::kLeastMemory, 3, {}});
    counter.add(views);
    for (const NgramCount& entry : counter.select(1U << 30, 2, [] {})) keys.push_back(entry.key);
    slots = apart ? layout::kApartSlots : 1 + static_cast<int>(random() % layout::kMostSlots);
    bytes = apart ? 32 : layout::row_bytes(slots);
    if (keys.empty()) return;
    rows.resize(keys.size() * bytes);
    for (std::uint8_t& byte : rows) byte = static_cast<std::uint8_t>(random());
    std::vector<std::uint16_t> followers = followers_of(keys, strings());
    if (round % 3 == 0) std::ranges::fill(followers, std::uint16_t{0xFFFF});
    std::vector<std::uint8_t> numbers(keys.size() * 4);
    for (std::uint32_t row = 0; row < keys.size(); ++row) std::memcpy(&numbers[std::size_t{4} * row], &row, 4);
    if (config.characters()) filter = filter_of(keys);
    build =
        apart ? build_compact(keys, numbers, 4, followers, slots) : build_compact(keys, rows, bytes, followers, slots);
  }

  [[nodiscard]] std::span<const std::int8_t> signed_rows() const {
    return {reinterpret_cast<const std::int8_t*>(rows.data()), rows.size()};
  }

  [[nodiscard]] CompactTable table(bool closed) const {
    return {build.lines, slots, apart ? signed_rows() : std::span<const std::int8_t>(), apart ? bytes : 0, filter,
            config,      closed};
  }

 private:
  [[nodiscard]] std::vector<std::string> strings() const {
    const std::vector<Bucket> buckets = build_buckets(keys);
    const Vocabulary vocabulary(buckets, static_cast<std::uint32_t>(keys.size()), config, true);
    NgramStrings strings(vocabulary);
    strings.add(views, 1);
    std::vector<std::string> spelt;
    for (std::size_t row = 0; row < strings.rows(); ++row) spelt.emplace_back(strings.string(row));
    return spelt;
  }
};

// Checks that each key has its row, except those that the builder lost.
void check_rows(const Material& material, const CompactTable& table) {
  std::size_t others = 0;
  for (std::size_t i = 0; i < material.keys.size(); ++i) {
    const std::uint64_t slot = table.find(material.keys[i]);
    CHECK(slot != CompactTable::kNone);
    const auto row = material.signed_rows().subspan(i * material.bytes, material.bytes);
    others += std::ranges::equal(table.row(slot), row) ? 0 : 1;
  }
  CHECK(others == material.build.lost);
  const CompactTable::Found found = table.find_rows(material.keys);
  CHECK(found.positions.size() == material.keys.size());
  CHECK(found.rows.size() == material.keys.size() * material.bytes);
}

// How the bytes of rows become numbers, with wide ones.
RowNumbers random_numbers(Random& random, const CompactTable& table) {
  RowNumbers numbers;
  const std::size_t dims = 1 + random() % table.row_bytes();
  numbers.wide = random() % (std::min(dims, table.row_bytes() - dims) + 1);
  for (std::size_t d = 0; d < dims; ++d) numbers.shift.push_back(static_cast<double>(random() % 100) / 7 - 7);
  return numbers;
}

// The numbers that unknown words add, by key, computed one at a time.
using WordNumbers = std::map<std::uint64_t, std::vector<std::int64_t>>;

WordNumbers plain_unknown(const CompactTable& table, const RowNumbers& numbers, std::string_view text) {
  WordNumbers unknown;
  for (const PlainWord& word : plain_words(text, table.config())) {
    if (table.find(word.key) != CompactTable::kNone) continue;
    std::vector<std::uint64_t> slots;
    for (const std::uint64_t key : word.characters) {
      if (const std::uint64_t slot = table.find_characters(key); slot != CompactTable::kNone) slots.push_back(slot);
    }
    if (slots.empty()) continue;
    const double root = std::sqrt(static_cast<double>(slots.size()));
    std::vector<std::int64_t> added;
    for (std::size_t d = 0; d < numbers.shift.size(); ++d) {
      std::int64_t sum = 0;
      for (const std::uint64_t slot : slots) {
        const std::span<const std::int8_t> row = table.row(slot);
        sum += d < numbers.wide ? 256 * row[2 * d] + row[2 * d + 1] : row[numbers.wide + d];
      }
      added.push_back(std::llrint(static_cast<double>(sum) / root + (root - 1) * numbers.shift[d]));
    }
    unknown.emplace(word.key, added);
  }
  return unknown;
}

// The numbers of a sum of rows.
std::vector<std::int64_t> numbers_of(const RowNumbers& numbers, std::span<const std::int64_t> sums) {
  std::vector<std::int64_t> found;
  found.reserve(numbers.shift.size());
  for (std::size_t d = 0; d < numbers.shift.size(); ++d) {
    found.push_back(d < numbers.wide ? 256 * sums[2 * d] + sums[2 * d + 1] : sums[numbers.wide + d]);
  }
  return found;
}

// The numbers of the sum of slots and words.
std::vector<std::int64_t> total(const CompactTable& table, const RowNumbers& numbers,
                                const std::set<std::uint64_t>& slots, const WordNumbers& words) {
  std::vector<std::int64_t> sums(table.row_bytes());
  for (const std::uint64_t slot : slots) {
    for (std::size_t b = 0; b < sums.size(); ++b) sums[b] += table.row(slot)[b];
  }
  std::vector<std::int64_t> found = numbers_of(numbers, sums);
  for (const auto& [key, added] : words) {
    for (std::size_t d = 0; d < found.size(); ++d) found[d] += added[d];
  }
  return found;
}

// What the kernel must compute for a text.
struct Expected {
  std::set<std::uint64_t> slots;
  WordNumbers words;
  TextCounts counts;
  std::vector<std::int64_t> sums;

  Expected(const CompactTable& table, const RowNumbers& numbers, std::string_view text)
      : slots(plain_slots(table, text)),
        words(plain_unknown(table, numbers, text)),
        counts{slots.size() + words.size()},
        sums(total(table, numbers, slots, words)) {
    Tokenizer tokenizer(text);
    for (Token token{}; tokenizer.next(token);) {
      ++counts.tokens;
      counts.known += table.find(key_of(token.hash, 1)) != CompactTable::kNone ? 1 : 0;
    }
  }
};

// The numbers of row `at` of the kernel's sums.
std::vector<std::int64_t> row_at(const RowNumbers& numbers, const std::vector<std::int64_t>& sums, std::size_t at,
                                 std::size_t bytes) {
  return numbers_of(numbers, std::span(sums).subspan(at * bytes, bytes));
}

void check_texts(const Material& material, const CompactTable& table, const RowNumbers& numbers, InstructionSet set,
                 const std::vector<Expected>& expected, CompactScratch& scratch) {
  sum_texts_kernel(set, table)(table, material.views.data(), material.views.size(), false, scratch);
  for (std::size_t text = 0; text < material.views.size(); ++text) {
    CHECK(scratch.counts[text].items == expected[text].counts.items);
    CHECK(scratch.counts[text].tokens == expected[text].counts.tokens);
    CHECK(scratch.counts[text].known == expected[text].counts.known);
    CHECK(row_at(numbers, scratch.sums, text, material.bytes) == expected[text].sums);
  }
}

void check_pairs(const Material& material, const CompactTable& table, const RowNumbers& numbers, InstructionSet set,
                 const std::vector<Expected>& expected, CompactScratch& scratch) {
  const std::size_t pairs = material.views.size() / 2;
  sum_texts_kernel(set, table)(table, material.views.data(), 2 * pairs, true, scratch);
  for (std::size_t text = 0; text < 2 * pairs; ++text) {
    CHECK(row_at(numbers, scratch.sums, text, material.bytes) == expected[text].sums);
  }
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const Expected& first = expected[2 * pair];
    const Expected& second = expected[2 * pair + 1];
    std::set<std::uint64_t> slots;
    for (const std::uint64_t slot : first.slots) {
      if (second.slots.contains(slot)) slots.insert(slot);
    }
    WordNumbers words;
    for (const auto& [key, added] : first.words) {
      if (second.words.contains(key)) words.emplace(key, added);
    }
    CHECK(scratch.shared_counts[pair] == slots.size() + words.size());
    CHECK(row_at(numbers, scratch.shared_sums, pair, material.bytes) == total(table, numbers, slots, words));
  }
}

// The kernels of a compact table against lookups made one at a time.
void test_compact_sums() {
  Random random(4);
  std::size_t known = 0;
  std::size_t lost = 0;
  std::size_t unknown = 0;
  std::size_t mistaken = 0;
  std::size_t spelt = 0;
  for (int round = 0; round < 200; ++round) {
    const Material material(random, round);
    if (material.keys.empty()) continue;
    const CompactTable table = material.table(/*closed=*/round % 2 == 0);
    check_rows(material, table);
    known += material.keys.size();
    lost += material.build.lost;
    unknown += 1000;
    for (int i = 0; i < 1000; ++i) mistaken += table.find(random()) != CompactTable::kNone ? 1 : 0;
    const RowNumbers numbers = random_numbers(random, table);
    std::vector<Expected> expected;
    expected.reserve(material.texts.size());
    for (const std::string& text : material.texts) {
      expected.emplace_back(table, numbers, text);
      spelt += expected.back().words.size();
    }
    for (const InstructionSet set : available_instruction_sets()) {
      CompactScratch scratch(table, numbers);
      check_texts(material, table, numbers, set, expected, scratch);
      check_pairs(material, table, numbers, set, expected, scratch);
    }
  }
  CHECK(spelt > 1000);
  CHECK(lost * 2000 < known);
  CHECK(mistaken * 2000 < unknown);
}

// Keys that share their first bits cost a table no more room than others, and every kernel finds them.
void test_crowded_compact_tables() {
  const std::vector<std::string> words = crowded_words(1000);
  const std::vector<std::uint64_t> keys = keys_of_ngrams(words);
  std::string text;
  for (const std::string& word : words) text += word + ' ';
  const std::string_view view = text;
  for (int slots = 1; slots <= layout::kMostSlots; ++slots) {
    const std::size_t bytes = layout::row_bytes(slots);
    const CompactBuild build = build_compact(keys, std::vector<std::uint8_t>(keys.size() * bytes, 1), bytes,
                                             std::vector<std::uint16_t>(keys.size(), 0), slots);
    CHECK(build.lines.size() < 4 * keys.size());
    const CompactTable table(build.lines, slots, {}, 0, {}, {}, true);
    const Expected expected(table, {}, text);
    CHECK(expected.counts.known == words.size());
    for (const InstructionSet set : available_instruction_sets()) {
      CompactScratch scratch(table);
      sum_texts_kernel(set, table)(table, &view, 1, false, scratch);
      CHECK(scratch.counts[0].known == words.size());
      CHECK(scratch.counts[0].items == expected.counts.items);
    }
  }
}

// A filter passes all its keys and few others.
void test_character_filters() {
  Random random(6);
  for (const std::size_t size : {0, 1, 11, 12, 1000, 12287}) {
    std::vector<std::uint64_t> keys(size);
    for (std::uint64_t& key : keys) key = random();
    const std::vector<std::uint64_t> words = filter_of(keys);
    const CharacterFilter filter(words);
    std::size_t passed = 0;
    for (const std::uint64_t key : keys) passed += filter.passes(key) ? 1 : 0;
    CHECK(passed == size);
    passed = 0;
    for (int i = 0; i < 100'000; ++i) passed += filter.passes(random()) ? 1 : 0;
    CHECK(passed < 15'000);
    CHECK(words.size() * 6 <= size + 6);
  }
}

void test_hostile_compact_tables() {
  Random random(5);
  for (int round = 0; round < 100; ++round) {
    std::vector<Line> lines(1 + random() % 20);
    for (Line& line : lines) {
      for (std::uint8_t& byte : line.bytes) byte = random() % 2 == 0 ? 0xFF : static_cast<std::uint8_t>(random());
    }
    const bool apart = round % 3 == 0;
    const int slots = apart ? layout::kApartSlots : 1 + static_cast<int>(random() % layout::kMostSlots);
    const std::vector<std::int8_t> rows(apart ? 16 * 5 : 0, 1);
    const TokenizerConfig config = {4, false, 2, round % 4 < 2 ? 4 : 0};
    std::vector<std::uint64_t> filter(config.characters() ? std::size_t{1} << random() % 5 : 0);
    for (std::uint64_t& word : filter) word = random() % 2 == 0 ? ~std::uint64_t{0} : random();
    const CompactTable table(lines, slots, rows, apart ? 16 : 0, filter, config, round % 2 == 0);
    const std::size_t dims = 1 + random() % table.row_bytes();
    const std::size_t wide = random() % (std::min(dims, table.row_bytes() - dims) + 1);
    const std::vector<float> floats(40000, 0.5F);
    const std::span<const float> all(floats);
    const bool pair = random() % 2 == 0;
    const std::size_t features = pair ? pair_features(3) : dims;
    const Head head = {{all.first(20 * features), all.first(20)}, {all.first(std::size_t{3} * 20), all.first(3)}};
    const CompactNetwork network{wide, all.first(dims), all.first(dims), all.first(pair ? 3 * dims : 0), head};
    std::vector<std::string> texts = hostile_texts(random, 100, 30);
    texts[0] = hostile_text(random, 4000);
    const std::vector<std::string_view> views = views_of(texts);
    for (const std::string_view view : views) {
      for (const Item& item : read_items(table, network, view)) {
        CHECK(item.numbers.size() == dims);
        for (const auto& [begin, end] : item.places) CHECK(begin <= end && end <= view.size());
      }
    }
    std::vector<float> reference;
    for (const InstructionSet set : available_instruction_sets()) {
      std::vector<float> logits(views.size() * 3);
      std::vector<float> coverage(views.size());
      CompactClassifier(table, network, set)(views, pair ? Texts(views) : Texts(), 2, logits.data(), coverage.data());
      if (reference.empty()) reference = logits;
      CHECK(logits == reference);
    }
  }
}

void test_invalid_lines_are_rejected() {
  const std::vector<Line> lines(2);
  const std::uint8_t* bytes = lines.front().bytes;
  CHECK(view_lines(bytes, 2, 64).size() == 2);
  CHECK(throws<std::invalid_argument>([&] { view_lines(bytes, 4, 32); }));
  CHECK(throws<std::invalid_argument>([&] { view_lines(bytes + 1, 1, 64); }));
  const std::vector<std::uint64_t> filter(1);
  const TokenizerConfig characters = {1, false, 2, 4};
  CHECK(throws<std::invalid_argument>([&] { CompactTable(lines, 0, {}, 0, {}, {1, false}, true); }));
  CHECK(throws<std::invalid_argument>([&] { CompactTable({}, 1, {}, 0, {}, {1, false}, true); }));
  CHECK(throws<std::invalid_argument>([&] { CompactTable(lines, 1, {}, 0, filter, {1, false}, true); }));
  CHECK(throws<std::invalid_argument>([&] { CompactTable(lines, 1, {}, 0, {}, characters, true); }));
  const std::vector<std::uint64_t> three(3);
  CHECK(throws<std::invalid_argument>([&] { CompactTable(lines, 1, {}, 0, three, characters, true); }));
  CHECK(CompactTable(lines, 1, {}, 0, filter, characters, true).find_characters(1) == CompactTable::kNone);
  CHECK(throws<std::invalid_argument>(
      [&] { (void)CompactTable(lines, 1, {}, 0, {}, {}, true).find_rows(filter, true); }));
}

}  // namespace

void test_compact() {
  test_compact_sums();
  test_crowded_compact_tables();
  test_character_filters();
  test_hostile_compact_tables();
  test_invalid_lines_are_rejected();
}

}  // namespace sparsedistill::tests
