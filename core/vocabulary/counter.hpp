// Counts the n-grams of a corpus in bounded memory, with several threads.
//
// Texts are counted one block at a time. Threads first turn the texts of a block into keys, partitioned by their high
// bits into shards; then each shard adds its keys to its own table, so no table is shared. If a block might exceed the
// memory limit, all counts are first written to disk as a run, and the tables start again: counts are exact. Without a
// directory for runs, the least frequent n-grams are dropped instead (lossy counting, Manku & Motwani 2002). From then
// on a count can be too low by at most error_bound(). Counts do not depend on the number of threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/parallel.hpp"
#include "text/ngrams.hpp"
#include "vocabulary/count_table.hpp"
#include "vocabulary/ngram_count.hpp"
#include "vocabulary/runs.hpp"

namespace sparsedistill {

struct CounterConfig {
  TokenizerConfig tokenizer;
  bool by_document = false;                   // count the texts that contain an n-gram instead of its occurrences
  std::size_t memory = std::size_t{1} << 30;  // bytes, of the tables and the current block
  std::size_t threads = 1;
  std::string directory;  // where runs are; empty: the least frequent n-grams are dropped
};

class Counter {
 public:
  // Throws std::invalid_argument if the memory is below kLeastMemory. Tests lower the number of n-grams in memory with
  // `most_in_memory`.
  explicit Counter(const CounterConfig& config, std::size_t most_in_memory = SIZE_MAX);

  void add(Texts texts);

  [[nodiscard]] std::uint64_t texts() const { return texts_; }
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
  // The maximum error of a count: counts are never too high.
  [[nodiscard]] std::uint64_t error_bound() const { return error_bound_; }

  // How often counts were written to disk.
  [[nodiscard]] std::size_t spills() const { return spills_; }

  // Returns the `most` most frequent n-grams with a count of at least `least`, in the order of a Selection.
  [[nodiscard]] std::vector<NgramCount> select(std::size_t most, std::uint64_t least, const Pause& pause);
  // Writes all counts to `file` as a run. Returns the number of n-grams.
  std::uint64_t write(RunFile file, const Pause& pause);

  static constexpr std::size_t kLeastMemory = std::size_t{256} << 20;

 private:
  static constexpr int kShardBits = 8;
  static constexpr std::size_t kShards = std::size_t{1} << kShardBits;
  static constexpr std::size_t kBlockBytes = std::size_t{2} << 20;
  static constexpr std::size_t kBuffers = std::size_t{24} << 20;  // of runs that are read, written and sorted

  using Keys = std::array<std::vector<std::uint64_t>, kShards>;

  void add_block(Texts block);
  void collect(std::string_view text, Keys& keys, std::vector<std::uint64_t>& scratch, std::uint64_t& tokens) const;
  void make_room(std::size_t keys);
  void prune();
  void spill(const Pause& pause);
  [[nodiscard]] std::size_t size() const;
  // Calls visit(count) for each n-gram of the tables with a count of at least `least`, by ascending key.
  void visit_tables(std::uint64_t least, const VisitCount& visit) const;
  // If there are runs, writes the tables to one more run, and frees their memory.
  void finish_runs(const Pause& pause);

  CounterConfig config_;
  std::size_t capacity_;  // n-grams that fit into the memory
  std::array<CountTable, kShards> tables_;
  std::vector<Keys> keys_;  // by thread
  std::uint64_t texts_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t error_bound_ = 0;
  std::size_t spills_ = 0;
  CountRuns runs_;
};

}  // namespace sparsedistill
