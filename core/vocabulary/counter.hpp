// Counts the n-grams of a corpus in bounded memory, with several threads.
//
// Texts are counted one block at a time. Threads first turn the texts of a block into keys, partitioned by their high
// bits into shards; then each shard adds its keys to its own table, so no table is shared. If a block might exceed the
// memory limit, the least frequent n-grams are dropped first (lossy counting, Manku & Motwani 2002). From then on a
// count can be too low by at most error_bound(). Counts do not depend on the number of threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "support/parallel.hpp"
#include "text/ngrams.hpp"
#include "vocabulary/count_table.hpp"

namespace sparsedistill {

struct CounterConfig {
  TokenizerConfig tokenizer;
  bool by_document = false;                   // count the texts that contain an n-gram instead of its occurrences
  std::size_t memory = std::size_t{1} << 30;  // bytes, of the tables and the current block
  std::size_t threads = 1;
};

struct NgramCount {
  std::uint64_t key;
  std::uint32_t count;  // saturates
};

class Counter {
 public:
  // Throws std::invalid_argument if the memory is below kLeastMemory.
  explicit Counter(const CounterConfig& config);

  void add(Texts texts);

  // Distinct n-grams in the tables.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t texts() const { return texts_; }
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
  // The maximum error of a count: counts are never too high.
  [[nodiscard]] std::uint32_t error_bound() const { return error_bound_; }

  // Returns the `most` most frequent n-grams with a count of at least `least`, ordered by descending count, then by
  // ascending order (which keeps the choice closed under prefixes), then by key.
  [[nodiscard]] std::vector<NgramCount> select(std::size_t most, std::uint32_t least) const;

  static constexpr std::size_t kLeastMemory = std::size_t{256} << 20;

 private:
  static constexpr int kShardBits = 8;
  static constexpr std::size_t kShards = std::size_t{1} << kShardBits;
  static constexpr std::size_t kBlockBytes = std::size_t{2} << 20;

  using Keys = std::array<std::vector<std::uint64_t>, kShards>;

  void add_block(Texts block);
  void collect(std::string_view text, Keys& keys, std::vector<std::uint64_t>& scratch, std::uint64_t& tokens) const;
  void make_room(std::size_t keys);

  CounterConfig config_;
  std::size_t capacity_;  // n-grams that fit into the memory
  std::array<CountTable, kShards> tables_;
  std::vector<Keys> keys_;  // by thread
  std::uint64_t texts_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint32_t error_bound_ = 0;
};

}  // namespace sparsedistill
