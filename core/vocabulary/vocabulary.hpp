// Key -> row: a static hash table of 64-byte buckets that is used where it lies, in memory or in a
// mapped file.
//
// A bucket is a cache line: five keys, their five rows, and a word that is 1 when keys that belong here
// stand in the buckets after it. A probe therefore costs one cache miss, rarely two.
//
// A vocabulary that was chosen by frequency is closed under prefixes: an n-gram in it has all its
// prefixes in it. Then, where an n-gram is missing, no longer one from the same place is looked up.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/pairs.hpp"
#include "support/parallel.hpp"
#include "text/characters.hpp"
#include "text/ngrams.hpp"

namespace sparsedistill {

struct alignas(64) Bucket {
  static constexpr int kSlots = 5;
  std::uint64_t keys[kSlots];  // 0: empty
  std::uint32_t rows[kSlots];
  std::uint32_t overflown;
};
static_assert(sizeof(Bucket) == 64);

inline constexpr std::uint32_t kNoRow = 0xFFFFFFFF;

class Vocabulary {
 public:
  // Buckets a key may stand from its own. Bounds a probe in a hostile file; building keeps to it.
  static constexpr std::size_t kReach = 64;

  // A view of `buckets`, which must outlive it. Rows from `rows` on are taken for missing.
  Vocabulary(std::span<const Bucket> buckets, std::uint32_t rows, TokenizerConfig config, bool closed)
      : buckets_(buckets), rows_(rows), config_(config), closed_(closed) {
    if (buckets.empty()) throw std::invalid_argument("a vocabulary has at least one bucket");
  }

  [[nodiscard]] std::uint32_t rows() const { return rows_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const TokenizerConfig& config() const { return config_; }

  [[nodiscard]] std::uint32_t find(std::uint64_t key) const {
    std::size_t at = home(key, buckets_.size());
    for (std::size_t step = 0; step < kReach; ++step) {
      const Bucket& bucket = buckets_[at];
      for (int slot = 0; slot < Bucket::kSlots; ++slot) {
        if (bucket.keys[slot] == key) return bucket.rows[slot] < rows_ ? bucket.rows[slot] : kNoRow;
      }
      if (bucket.overflown == 0) return kNoRow;
      if (++at == buckets_.size()) at = 0;
    }
    return kNoRow;
  }

  void prefetch(std::uint64_t key) const { __builtin_prefetch(&buckets_[home(key, buckets_.size())]); }

  static std::size_t home(std::uint64_t key, std::size_t buckets) {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(key) * buckets) >> 64);
  }

 private:
  std::span<const Bucket> buckets_;
  std::uint32_t rows_;
  TokenizerConfig config_;
  bool closed_;
};

// Buckets for `keys`, whose places are their rows. Throws std::invalid_argument where a key comes twice.
std::vector<Bucket> build_buckets(std::span<const std::uint64_t> keys);

// Finds the n-grams of texts. Holds the buffers of one thread; their size does not depend on the text.
class NgramFinder {
 public:
  explicit NgramFinder(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  struct Counts {
    std::uint64_t tokens = 0;  // of the text, without its boundaries; and its character n-grams
    std::uint64_t known = 0;   // those that the vocabulary has
  };

  // Call sink(row) for each n-gram of `text` that has a row, in an order that depends on the text alone.
  template <class Sink>
  Counts operator()(std::string_view text, Sink&& sink) {
    Counts counts = of_tokens(text, [&](std::uint32_t row, const Token&, const Token&) { sink(row); });
    if (vocabulary_.config().characters()) of_characters(text, counts, sink);
    return counts;
  }

  // Call sink(row, first, last) for those of tokens, `first` and `last` being its outer ones.
  template <class Sink>
  Counts of_tokens(std::string_view text, Sink&& sink) {
    Counts counts;
    TokenStream stream(text, vocabulary_.config());
    const auto carried = static_cast<std::size_t>(vocabulary_.config().max_ngram - 1);
    std::size_t filled = 0;
    for (bool more = true; more;) {
      while (filled < kPiece && (more = stream.next(tokens_[filled]))) {
        const std::uint64_t key = key_of(tokens_[filled].hash, 1);
        vocabulary_.prefetch(key);
        ++filled;
      }
      // The last tokens of a piece start n-grams that end in the next one.
      const std::size_t starts = more ? filled - carried : filled;
      find_piece(starts, filled, counts, sink);
      std::copy(tokens_ + starts, tokens_ + filled, tokens_);
      filled -= starts;
    }
    return counts;
  }

 private:
  static constexpr std::size_t kPiece = 512;

  struct Candidate {
    std::uint64_t rolled;
    std::uint32_t start;
  };

  template <class Sink>
  void of_characters(std::string_view text, Counts& counts, Sink&& sink) {
    CharacterStream stream(text, vocabulary_.config());
    for (std::size_t filled = kPiece; filled == kPiece;) {
      for (filled = 0; filled < kPiece && stream.next(tokens_[filled]); ++filled) {
        vocabulary_.prefetch(key_of(tokens_[filled].hash, 1));
      }
      counts.tokens += filled;
      for (std::size_t i = 0; i < filled; ++i) {
        const std::uint32_t row = vocabulary_.find(key_of(tokens_[i].hash, 1));
        if (row == kNoRow) continue;
        ++counts.known;
        sink(row);
      }
    }
  }

  template <class Sink>
  void find_piece(std::size_t starts, std::size_t filled, Counts& counts, Sink&& sink) {
    for (std::size_t start = 0; start < starts; ++start) {
      candidates_[start] = {tokens_[start].hash, static_cast<std::uint32_t>(start)};
    }
    std::size_t left = starts;
    for (int order = 1; order <= vocabulary_.config().max_ngram && left > 0; ++order) {
      left = find_order(order, left, filled, counts, sink);
    }
  }

  // Look up the candidates of one order, and leave those that may go on to the next, keys prefetched.
  template <class Sink>
  std::size_t find_order(int order, std::size_t candidates, std::size_t filled, Counts& counts, Sink&& sink) {
    const auto length = static_cast<std::size_t>(order);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < candidates; ++i) {
      const Candidate candidate = candidates_[i];
      const std::size_t next = candidate.start + length;
      const std::uint32_t row = vocabulary_.find(key_of(candidate.rolled, order));
      if (order == 1 && tokens_[candidate.start].begin != tokens_[candidate.start].end) {
        ++counts.tokens;
        counts.known += row != kNoRow;
      }
      if (row != kNoRow) {
        sink(row, tokens_[candidate.start], tokens_[next - 1]);
      } else if (vocabulary_.closed()) {
        continue;
      }
      if (next >= filled || order == vocabulary_.config().max_ngram) continue;
      const std::uint64_t rolled = roll(candidate.rolled, tokens_[next].hash);
      vocabulary_.prefetch(key_of(rolled, order + 1));
      candidates_[kept++] = {rolled, candidate.start};
    }
    return kept;
  }

  const Vocabulary& vocabulary_;
  Token tokens_[kPiece];
  Candidate candidates_[kPiece];
};

// Rows that were met in the text in hand. Forgets them all at once, and costs a cached load or two a row.
class RowSet {
 public:
  void clear() {
    if (slots_.size() > kLargestKept) slots_ = std::vector<Slot>(kSmallest);
    if (++round_ == 0) {  // the round has wrapped: old marks would look new
      std::ranges::fill(slots_, Slot{});
      round_ = 1;
    }
    size_ = 0;
  }

  [[nodiscard]] bool contains(std::uint32_t row) const { return slots_[find(row)].round == round_; }

  // Whether `row` is met for the first time.
  bool insert(std::uint32_t row) {
    if (2 * size_ >= slots_.size()) grow();
    Slot& slot = slots_[find(row)];
    if (slot.round == round_) return false;
    slot = {row, round_};
    ++size_;
    return true;
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{1} << 12;
  static constexpr std::size_t kLargestKept = std::size_t{1} << 16;

  struct Slot {
    std::uint32_t row = 0;
    std::uint32_t round = 0;  // 0: never used
  };

  // Where `row` stands, or would.
  [[nodiscard]] std::size_t find(std::uint32_t row) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = ((row * kSeed0) >> 32) & mask;
    while (slots_[at].round == round_ && slots_[at].row != row) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.round == round_) slots_[find(slot.row)] = slot;
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(kSmallest);
  std::size_t size_ = 0;
  std::uint32_t round_ = 1;
};

// Finds the n-grams of pairs, each once. Holds the buffers of one thread.
class PairFinder {
 public:
  explicit PairFinder(const Vocabulary& vocabulary) : find_(vocabulary) {}

  // Find the rows of a pair, and call meet(row) as they come; one of both texts comes twice.
  template <class Meet>
  NgramFinder::Counts operator()(std::string_view first, std::string_view second, Meet&& meet) {
    for (std::vector<std::uint32_t>& part : parts_) part.clear();
    for (RowSet& met : met_) met.clear();
    NgramFinder::Counts counts = find_(first, [&](std::uint32_t row) {
      if (!met_[0].insert(row)) return;
      meet(row);
      parts_[kFirst].push_back(row);
    });
    const NgramFinder::Counts others = find_(second, [&](std::uint32_t row) {
      if (!met_[1].insert(row)) return;
      meet(row);
      parts_[met_[0].contains(row) ? kShared : kSecond].push_back(row);
    });
    std::erase_if(parts_[kFirst], [&](std::uint32_t row) { return met_[1].contains(row); });
    counts.tokens += others.tokens;
    counts.known += others.known;
    return counts;
  }

  // The rows of the last pair, until the next one comes.
  [[nodiscard]] const std::vector<std::uint32_t>& part(Part part) const { return parts_[part]; }

 private:
  NgramFinder find_;
  RowSet met_[2];
  std::vector<std::uint32_t> parts_[kParts];
};

// ---- extraction ----------------------------------------------------------------------------------

struct ExtractionConfig {
  double dropout = 0.0;        // share of the n-grams left out at random
  std::size_t max_ngrams = 0;  // a random choice of as many where a text has more; 0: all
  std::uint64_t seed = 0;
  std::size_t threads = 1;
};

// n-gram rows of texts as CSR, each row once a text; of pairs a segment for each Part.
struct Extraction {
  std::vector<std::vector<std::int64_t>> parts;  // the rows, in order
  std::vector<std::int64_t> offsets;             // segments + 1
  std::vector<std::int64_t> tokens;              // of each text or pair, and those that the vocabulary knows
  std::vector<std::int64_t> known;

  // Write the rows, one part after the other, to `rows`, which holds offsets.back() of them.
  void write(std::span<std::int64_t> rows, std::size_t threads) const;
};

// `pairs` is empty or as long as `texts`.
Extraction extract(const Vocabulary& vocabulary, Texts texts, Texts pairs, const ExtractionConfig& config);

// The strings of the vocabulary's n-grams, gathered from the texts that it was counted from.
class NgramStrings {
 public:
  explicit NgramStrings(const Vocabulary& vocabulary);
  NgramStrings(const NgramStrings&) = delete;
  NgramStrings& operator=(const NgramStrings&) = delete;

  void add(Texts texts, std::size_t threads);
  [[nodiscard]] std::size_t missing() const;
  [[nodiscard]] const std::vector<std::string>& strings() const { return strings_; }

 private:
  const Vocabulary& vocabulary_;
  // Whether the row of an n-gram has no string yet; from then on it has.
  bool take(std::uint32_t row) { return !taken_[row].test(std::memory_order_relaxed) && !taken_[row].test_and_set(); }

  std::vector<std::string> strings_;
  std::vector<std::atomic_flag> taken_;
};

}  // namespace sparsedistill
