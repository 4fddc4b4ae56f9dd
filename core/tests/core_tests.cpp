// The core on its own, without Python: run under AddressSanitizer and UndefinedBehaviorSanitizer.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>

#include "compact/classifier.hpp"
#include "compact/kernel.hpp"
#include "model/classifier.hpp"
#include "vocabulary/counter.hpp"
#include "vocabulary/extraction.hpp"
#include "vocabulary/strings.hpp"
#include "vocabulary/vocabulary.hpp"

namespace {

using namespace sparsedistill;

int failures = 0;

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                                  \
    }                                                                              \
  } while (false)

using Random = std::mt19937_64;

// Bytes that are likely to be near the edges of UTF-8 and of the tokenizer's rules, on the heap without slack.
std::string hostile_text(Random& random, std::size_t longest) {
  static const std::string pieces[] = {"a",
                                       "Zz9",
                                       " ",
                                       "\n",
                                       std::string(1, '\0'),
                                       "'",
                                       "-",
                                       "\xC3\xA9",
                                       "\xE6\x97",
                                       "\xE6\x97\xA5",
                                       "\xED\xA0\x80",
                                       "\xF0\x9F\x98\x80",
                                       "\xF4\x90",
                                       "\xC0\x80",
                                       "\xFF",
                                       "\xE2\x80\x8B",
                                       "\xC2\xAD",
                                       "\xCC\x81",
                                       "abcdefghijklmnopqrstuvwxyz",
                                       "\xE0\xB8\x81",
                                       "the ",
                                       "film "};
  std::string text;
  const std::size_t count = random() % (longest + 1);
  for (std::size_t i = 0; i < count; ++i) {
    if (random() % 8 == 0) {
      text.push_back(static_cast<char>(random()));
    } else {
      text += pieces[random() % std::size(pieces)];
    }
  }
  text.shrink_to_fit();
  return text;
}

void test_tokens_lie_in_their_text() {
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = hostile_text(random, 40);
    Tokenizer tokenizer(text);
    std::size_t last = 0;
    for (Token token; tokenizer.next(token);) {
      CHECK(last <= token.begin && token.begin < token.end && token.end <= text.size());
      last = token.end;
      const std::string_view span = std::string_view(text).substr(token.begin, token.end - token.begin);
      CHECK(hash_bytes(folded(span)) == token.hash);
    }
  }
}

// A random config: with and without boundaries and character n-grams.
TokenizerConfig random_config(Random& random) {
  const int least = kLeastCharacters + static_cast<int>(random() % 3);
  const int most = random() % 2 == 0 ? 0 : least + static_cast<int>(random() % (kMostCharacters - least + 1));
  return {1 + static_cast<int>(random() % kMaxNgram), random() % 2 == 0, least, most};
}

// The character n-grams of a text, one by one.
std::vector<std::uint64_t> plain_characters(std::string_view text, const TokenizerConfig& config) {
  std::vector<std::uint64_t> keys;
  Tokenizer tokenizer(text);
  for (Token token; tokenizer.next(token);) {
    std::vector<std::string> characters = {"<"};
    for (const char byte : folded(text.substr(token.begin, token.end - token.begin))) {
      if ((static_cast<std::uint8_t>(byte) & 0xC0) != 0x80) characters.emplace_back();
      characters.back() += byte;
    }
    if (characters.size() > 1 + CharacterStream::kLongestWord) characters.resize(1 + CharacterStream::kLongestWord);
    characters.emplace_back(">");
    for (std::size_t begin = 0; begin < characters.size(); ++begin) {
      std::string ngram(kCharactersToken);
      for (std::size_t end = begin; end < characters.size(); ++end) {
        ngram += characters[end];
        const auto length = static_cast<int>(end - begin + 1);
        if (length >= config.min_characters && length <= config.max_characters && end - begin + 1 < characters.size()) {
          keys.push_back(key_of_ngram(ngram));
        }
      }
    }
  }
  return keys;
}

std::map<std::uint64_t, std::uint32_t> plain_count(const std::string& text, const TokenizerConfig& config) {
  std::vector<std::uint64_t> hashes;
  TokenStream stream(text, config);
  for (Token token; stream.next(token);) hashes.push_back(token.hash);
  std::map<std::uint64_t, std::uint32_t> counts;
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

void test_counting_and_finding() {
  Random random(2);
  for (int round = 0; round < 300; ++round) {
    const TokenizerConfig config = random_config(random);
    std::vector<std::string> texts;
    for (int i = 0; i < 5; ++i) texts.push_back(hostile_text(random, round % 10 == 0 ? 3000 : 60));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    Counter counter({config, false, Counter::kLeastMemory, 3});
    counter.add(views);
    std::map<std::uint64_t, std::uint32_t> expected;
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
    if (keys.empty()) continue;
    keys.resize(1 + keys.size() / 2);
    const std::vector<Bucket> buckets = build_buckets(keys);
    const Vocabulary vocabulary(buckets, static_cast<std::uint32_t>(keys.size()), config, /*closed=*/true);
    for (std::size_t row = 0; row < keys.size(); ++row) CHECK(vocabulary.find(keys[row]) == row);
    std::uint64_t distinct = 0;
    for (const std::string& text : texts) {
      const auto counts = plain_count(text, config);
      for (const std::uint64_t key : keys) distinct += counts.contains(key);
    }
    const Extraction extraction = extract(vocabulary, views, {}, {0.0, 0, 0, 2});
    CHECK(static_cast<std::uint64_t>(extraction.offsets.back()) == distinct);
    NgramStrings strings(vocabulary);
    strings.add(views, 2);
    CHECK(strings.missing() == 0);
    for (std::size_t row = 0; row < keys.size(); ++row) CHECK(key_of_ngram(strings.strings()[row]) == keys[row]);
  }
}

void test_instruction_sets_agree_and_stay_in_bounds() {
  Random random(3);
  std::normal_distribution<float> normal;
  const auto draw = [&](std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    return values;
  };
  for (int round = 0; round < 60; ++round) {
    std::vector<Bucket> buckets(1 + random() % 20);
    const std::uint32_t rows = 1 + random() % 50;
    if (round % 2 == 0) {  // a hostile table: any bytes at all
      for (Bucket& bucket : buckets) {
        for (auto& key : bucket.keys) key = random();
        for (auto& row : bucket.rows) row = static_cast<std::uint32_t>(random());
        bucket.overflowed = 1;
      }
    } else {
      std::vector<std::uint64_t> keys;
      for (const char* word : {"the", "film", "a", "'", "-"}) keys.push_back(key_of_ngram(word));
      keys.resize(std::min<std::size_t>(keys.size(), rows));
      buckets = build_buckets(keys);
    }
    const Vocabulary vocabulary(buckets, rows, {3, false}, /*closed=*/false);
    const std::size_t dim = 1 + random() % 70;
    const std::size_t hidden = 1 + random() % 40;
    const std::size_t classes = 1 + random() % 5;
    const bool pair = random() % 2 == 0;
    const auto table = draw(rows * dim);
    const auto weight = draw(hidden * (pair ? pair_features(dim) : dim));
    const auto bias = draw(hidden);
    const auto output = draw(classes * hidden);
    const auto output_bias = draw(classes);
    const Network network{table, dim, pair, {weight, bias}, {output, output_bias}};
    std::vector<std::string> texts;
    for (int i = 0; i < 50; ++i) texts.push_back(hostile_text(random, i == 0 ? 4000 : 30));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const std::vector<std::string_view> others(views.rbegin(), views.rend());
    const Texts seconds = pair ? Texts(others) : Texts();
    std::vector<float> reference;
    for (const InstructionSet instruction_set : available_instruction_sets()) {
      for (const std::size_t threads : {1, 3}) {
        std::vector<float> logits(views.size() * classes);
        std::vector<float> coverage(views.size());
        Classifier(vocabulary, network, instruction_set)(views, seconds, threads, logits.data(), coverage.data());
        if (reference.empty()) reference = logits;
        CHECK(logits == reference);
      }
    }
  }
}

// Bytes from a multiple of 64 on, without slack behind.
class Lines {
 public:
  explicit Lines(const std::vector<std::uint8_t>& bytes)
      : size_(bytes.size()), data_(static_cast<std::uint8_t*>(std::aligned_alloc(kLineBytes, bytes.size()))) {
    std::copy(bytes.begin(), bytes.end(), data_);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() { std::free(data_); }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  std::size_t size_;
  std::uint8_t* data_;
};

// The slots of a text's n-grams, each found by its key.
std::set<std::uint64_t> plain_slots(const CompactTable& table, std::string_view text) {
  std::vector<std::uint64_t> hashes;
  TokenStream stream(text, table.config());
  for (Token token; stream.next(token);) hashes.push_back(token.hash);
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
  for (const std::uint64_t key : plain_characters(text, table.config())) {
    if (const std::uint64_t slot = table.find(key); slot != CompactTable::kNone) slots.insert(slot);
  }
  return slots;
}

// A compact table of the more frequent half of some texts' n-grams, against looking them up one by one.
void test_compact_sums() {
  Random random(4);
  std::size_t known = 0;
  std::size_t lost = 0;
  std::size_t strange = 0;
  std::size_t mistaken = 0;
  for (int round = 0; round < 200; ++round) {
    const TokenizerConfig config = random_config(random);
    std::vector<std::string> texts;
    for (int i = 0; i < 40; ++i)
      texts.push_back(hostile_text(random, (i == 7 || i == 12 || i == 13) && round % 4 == 0 ? 3000 : 60));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    Counter counter({config, false, Counter::kLeastMemory, 3});
    counter.add(views);
    std::vector<std::uint64_t> keys;
    for (const NgramCount& entry : counter.select(1U << 30, 2)) keys.push_back(entry.key);
    if (keys.empty()) continue;
    const std::vector<Bucket> buckets = build_buckets(keys);
    const Vocabulary vocabulary(buckets, static_cast<std::uint32_t>(keys.size()), config, true);
    NgramStrings strings(vocabulary);
    strings.add(views, 1);
    const bool apart = round % 5 == 0;
    const int slots = apart ? layout::kApartSlots : 1 + static_cast<int>(random() % layout::kMostSlots);
    const std::size_t bytes = apart ? 32 : layout::row_bytes(slots);
    std::vector<std::uint8_t> rows(keys.size() * bytes);
    for (std::uint8_t& byte : rows) byte = static_cast<std::uint8_t>(random());
    std::vector<std::uint8_t> numbers(keys.size() * 4);
    for (std::uint32_t row = 0; row < keys.size(); ++row) std::memcpy(&numbers[4 * row], &row, 4);
    std::vector<std::uint16_t> followers = followers_of(keys, strings.strings());
    if (round % 3 == 0) std::ranges::fill(followers, std::uint16_t{0xFFFF});
    const CompactBuild build =
        apart ? build_compact(keys, numbers, 4, followers, slots) : build_compact(keys, rows, bytes, followers, slots);
    const Lines lines(build.lines);
    const std::span<const std::int8_t> signed_rows(reinterpret_cast<const std::int8_t*>(rows.data()), rows.size());
    const CompactTable table(lines.bytes(), slots, apart ? signed_rows : std::span<const std::int8_t>(),
                             apart ? bytes : 0, config, /*closed=*/round % 2 == 0);
    std::size_t others = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::uint64_t slot = table.find(keys[i]);
      CHECK(slot != CompactTable::kNone);
      others += std::ranges::equal(table.row(slot), signed_rows.subspan(i * bytes, bytes)) ? 0 : 1;
    }
    CHECK(others == build.lost);
    known += keys.size();
    lost += build.lost;
    strange += 1000;
    for (int i = 0; i < 1000; ++i) mistaken += table.find(random()) != CompactTable::kNone ? 1 : 0;
    std::vector<TextCounts> counts(views.size());
    std::vector<std::int64_t> sums(views.size() * bytes);
    for (std::size_t text = 0; text < views.size(); ++text) {
      for (const std::uint64_t slot : plain_slots(table, texts[text])) {
        ++counts[text].ngrams;
        for (std::size_t b = 0; b < bytes; ++b) sums[text * bytes + b] += table.row(slot)[b];
      }
      Tokenizer tokenizer(texts[text]);
      for (Token token; tokenizer.next(token);) {
        ++counts[text].tokens;
        counts[text].known += table.find(key_of(token.hash, 1)) != CompactTable::kNone;
      }
      for (const std::uint64_t key : plain_characters(texts[text], config)) {
        ++counts[text].tokens;
        counts[text].known += table.find(key) != CompactTable::kNone;
      }
    }
    for (const InstructionSet instruction_set : available_instruction_sets()) {
      CompactScratch scratch(table.row_bytes());
      sum_texts(instruction_set, table)(table, views.data(), views.size(), false, scratch);
      for (std::size_t text = 0; text < views.size(); ++text) {
        CHECK(scratch.counts[text].ngrams == counts[text].ngrams);
        CHECK(scratch.counts[text].tokens == counts[text].tokens);
        CHECK(scratch.counts[text].known == counts[text].known);
        for (std::size_t b = 0; b < bytes; ++b) CHECK(scratch.sums[text * bytes + b] == sums[text * bytes + b]);
      }
      const std::size_t pairs = views.size() / 2;
      sum_texts(instruction_set, table)(table, views.data(), 2 * pairs, true, scratch);
      CHECK(std::equal(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(2 * pairs * bytes),
                       scratch.sums.begin()));
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        const std::set<std::uint64_t> second = plain_slots(table, texts[2 * pair + 1]);
        std::uint64_t shared = 0;
        std::vector<std::int64_t> shared_sums(bytes);
        for (const std::uint64_t slot : plain_slots(table, texts[2 * pair])) {
          if (!second.contains(slot)) continue;
          ++shared;
          for (std::size_t b = 0; b < bytes; ++b) shared_sums[b] += table.row(slot)[b];
        }
        CHECK(scratch.shared_counts[pair] == shared);
        CHECK(std::equal(shared_sums.begin(), shared_sums.end(), &scratch.shared_sums[pair * bytes]));
      }
    }
  }
  CHECK(lost * 2000 < known);
  CHECK(mistaken * 2000 < strange);
}

void test_hostile_compact_tables() {
  Random random(5);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::uint8_t> bytes(kLineBytes * (1 + random() % 20));
    for (std::uint8_t& byte : bytes) byte = random() % 2 == 0 ? 0xFF : static_cast<std::uint8_t>(random());
    const Lines lines(bytes);
    const bool apart = round % 3 == 0;
    const int slots = apart ? layout::kApartSlots : 1 + static_cast<int>(random() % layout::kMostSlots);
    const std::vector<std::int8_t> rows(apart ? 16 * 5 : 0, 1);
    const CompactTable table(lines.bytes(), slots, rows, apart ? 16 : 0, {4, false}, round % 2 == 0);
    const std::size_t dims = 1 + random() % table.row_bytes();
    const std::size_t wide = random() % (std::min(dims, table.row_bytes() - dims) + 1);
    const std::vector<float> floats(40000, 0.5F);
    const std::span<const float> all(floats);
    const bool pair = random() % 2 == 0;
    const std::size_t features = pair ? pair_features(3) : dims;
    const CompactNetwork network{wide,
                                 all.first(dims),
                                 all.first(dims),
                                 all.first(pair ? 3 * dims : 0),
                                 {all.first(20 * features), all.first(20)},
                                 {all.first(3 * 20), all.first(3)}};
    std::vector<std::string> texts;
    for (int i = 0; i < 100; ++i) texts.push_back(hostile_text(random, i == 0 ? 4000 : 30));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    std::vector<float> reference;
    for (const InstructionSet instruction_set : available_instruction_sets()) {
      std::vector<float> logits(views.size() * 3);
      std::vector<float> coverage(views.size());
      CompactClassifier(table, network, instruction_set)(views, pair ? Texts(views) : Texts(), 2, logits.data(),
                                                         coverage.data());
      if (reference.empty()) reference = logits;
      CHECK(logits == reference);
    }
  }
}

void test_what_does_not_fit_is_refused() {
  const std::vector<std::uint64_t> keys = {8, 16};
  const std::vector<Bucket> buckets = build_buckets(keys);
  const Vocabulary vocabulary(buckets, 2, {1, false}, true);
  const std::vector<float> floats(12);
  const std::span<const float> all(floats);
  const auto refused = [&](const Network& network) {
    try {
      const Classifier classifier(vocabulary, network, InstructionSet::kPortable);
      return false;
    } catch (const std::invalid_argument&) {
      return true;
    }
  };
  CHECK(!refused({all.first(4), 2, false, {all.first(6), all.first(3)}, {all.first(6), all.first(2)}}));
  CHECK(refused({all.first(5), 2, false, {all.first(6), all.first(3)}, {all.first(6), all.first(2)}}));
  CHECK(refused({all.first(4), 2, true, {all.first(6), all.first(3)}, {all.first(6), all.first(2)}}));
  CHECK(refused({all.first(4), 2, false, {all.first(6), all.first(3)}, {all.first(5), all.first(2)}}));
  CHECK(refused({all.first(0), 0, false, {all.first(0), all.first(3)}, {all.first(6), all.first(2)}}));
  bool thrown = false;
  try {
    build_buckets(std::vector<std::uint64_t>{8, 8});
  } catch (const std::invalid_argument&) {
    thrown = true;
  }
  CHECK(thrown);
}

void test_an_exception_in_a_thread_comes_through() {
  bool thrown = false;
  try {
    for_each_parallel(100, 4, [](std::size_t, std::size_t item) {
      if (item == 50) throw std::runtime_error("50");
    });
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  CHECK(thrown);
}

}  // namespace

int main() {
  test_tokens_lie_in_their_text();
  test_counting_and_finding();
  test_instruction_sets_agree_and_stay_in_bounds();
  test_compact_sums();
  test_hostile_compact_tables();
  test_what_does_not_fit_is_refused();
  test_an_exception_in_a_thread_comes_through();
  std::printf("core tests: %s\n", failures == 0 ? "all passed" : "FAILED");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
