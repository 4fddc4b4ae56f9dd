// Unknown words as rows of a compact table, from the rows of their character n-grams.
//
// The head reads `scale` times the mean of the rows plus `centre`. The vector of an unknown word, the sum of its k
// character n-grams divided by sqrt(k), is therefore the row with the numbers
//
//   round(sum / sqrt(k) + (sqrt(k) - 1) * centre / scale)
//
// and counts as one. This is portable code: all instruction sets add the same integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "compact/network.hpp"
#include "compact/table.hpp"
#include "support/salt.hpp"
#include "text/characters.hpp"
#include "vocabulary/key_map.hpp"

namespace sparsedistill {

// How the bytes of rows become numbers: see compact/network.hpp.
struct RowNumbers {
  std::size_t wide = 0;
  std::vector<double> shift;  // by number: centre / scale

  RowNumbers() = default;
  explicit RowNumbers(const CompactNetwork& network);
};

// The part of the kernel that looks up character n-grams.
class RowAdder {
 public:
  static constexpr std::size_t kKeysBeyond = 8;

  // Writes the keys of the character n-grams of a word that the filter passes, and returns how many. Up to
  // kKeysBeyond more are overwritten.
  virtual std::size_t read_keys(const WordCharacters& word, std::uint64_t* keys) = 0;
  // Adds the rows of those of `keys` that are in the table to `total`, by lane, and returns how many these are. Their
  // lines have been prefetched. Prefetches those of `later`, at most as many, one with each look-up: all at once, they
  // wait for each other.
  virtual std::size_t add_keys(std::span<const std::uint64_t> keys, std::span<const std::uint64_t> later,
                               std::int64_t* total) = 0;

 protected:
  RowAdder() = default;
  ~RowAdder() = default;
};

// The unknown words of the current text or pair, and the rows of recent ones. Belongs to one thread.
class UnknownWords {
 public:
  static constexpr std::size_t kMostKeys =
      (WordCharacters::kLongestWord + 2) * (kMostCharacters - kLeastCharacters + 1);

  // All bytes of a row are numbers if `numbers` has none.
  UnknownWords(const CompactTable& table, RowNumbers numbers);

  struct Added {
    std::uint64_t words = 0;   // distinct words with character n-grams in the table that were not added before
    std::uint64_t shared = 0;  // those of the second text of a pair that the first has too
  };

  // The sum of the numbers of a word's row as an integer: rounded to the nearest, and limited.
  static std::int32_t number(double exact);

  // Starts a text, or with `second` the second text of the current pair.
  void start(bool second) { seen_[second ? 1 : 0].clear(); }

  // Adds the rows of the tokens `missed` to `sums`, and those that both texts of a pair have to `shared_sums` too. A
  // boundary has an empty span. Nothing is added for a word that the text had before.
  Added add(std::span<const std::uint32_t> missed, const std::uint64_t* hashes, const std::string_view* spans,
            bool second, RowAdder& adder, std::int64_t* sums, std::int64_t* shared_sums);

 private:
  static constexpr std::size_t kAhead = 64;      // keys whose lines are fetched before they are looked up
  static constexpr std::size_t kWordsAhead = 8;  // words whose slots of `seen` are fetched

  struct Entry {
    std::uint64_t key = 0;  // 0: never used
    bool found = false;
  };

  // A distinct word, and its keys in keys_, none if its row was there when it was read.
  struct Word {
    std::uint64_t key;
    std::string_view spelling;
    std::size_t begin;
    std::size_t end;
  };

  void read_keys(Word& word, RowAdder& adder);
  void fetch(std::size_t end);  // prefetches the lines of the keys up to `end`
  [[nodiscard]] std::size_t place(std::uint64_t key) const { return (key * salt_) >> 32 & (entries_.size() - 1); }
  // The row of a word, or null if it has no character n-gram in the table. Valid until the next call.
  const std::int32_t* row(Word& word, RowAdder& adder);
  bool compute(const Word& word, RowAdder& adder, std::int32_t* row);

  const CompactTable& table_;
  RowNumbers numbers_;
  WordCharacters characters_;
  std::vector<Word> words_;
  std::vector<std::uint64_t> keys_;   // room for more than there are
  std::size_t read_ = 0;              // number of keys in keys_
  std::size_t fetched_ = 0;           // of these, those whose lines are prefetched
  std::vector<std::int64_t> totals_;  // by lane
  std::uint64_t salt_ = process_salt();
  KeyMap seen_[2];                  // in the first and in the second text
  std::vector<Entry> entries_;      // the rows of recent words: a power of two, direct-mapped
  std::vector<std::int32_t> rows_;  // entries x row_bytes; the second byte of a wide number holds the whole
};

}  // namespace sparsedistill
