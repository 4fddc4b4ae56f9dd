// Corpus -> n-gram counts, in bounded memory, on all cores.
//
// Texts are counted a block at a time: threads turn the block's texts into keys, split by their high
// bits over shards, then each shard takes in its keys, so no table is shared. When a block might not fit
// within the memory bound, n-grams seen least are forgotten first (lossy counting, Manku & Motwani
// 2002): from then on a count can be too low by at most error_bound(). Counts do not depend on the
// number of threads.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "support/parallel.hpp"
#include "text/characters.hpp"
#include "text/ngrams.hpp"

namespace sparsedistill {

struct CounterConfig {
  TokenizerConfig tokenizer;
  bool by_document = false;                   // count the texts that an n-gram stands in, not its occurrences
  std::size_t memory = std::size_t{1} << 30;  // bytes, of tables and of the block in hand
  std::size_t threads = 1;
};

struct NgramCount {
  std::uint64_t key;
  std::uint32_t count;  // saturates
};

// An open-addressing table of one shard.
class CountTable {
 public:
  void add(std::uint64_t key);
  void prefetch(std::uint64_t key) const { __builtin_prefetch(&slots_[home(key)]); }
  // Forget the keys that were counted at most `threshold` times.
  void prune(std::uint32_t threshold);

  [[nodiscard]] std::size_t size() const { return size_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.count != 0) visit(slot.key(), slot.count);
    }
  }

 private:
  struct Slot {  // 12 bytes: a third more keys in the same memory than with padding
    std::uint32_t key_low;
    std::uint32_t key_high;
    std::uint32_t count;  // 0: empty
    [[nodiscard]] std::uint64_t key() const { return key_low | (static_cast<std::uint64_t>(key_high) << 32); }
  };
  static_assert(sizeof(Slot) == 12);

  [[nodiscard]] std::size_t home(std::uint64_t key) const;
  Slot& find(std::uint64_t key);
  void rebuild(std::size_t capacity, std::uint32_t threshold);

  std::vector<Slot> slots_ = std::vector<Slot>(64);
  std::size_t size_ = 0;

 public:
  static constexpr std::size_t kSlotBytes = sizeof(Slot);
  static constexpr double kFilling = 0.8;  // of the slots, at most
  static constexpr double kGrowth = 1.25;
};

class Counter {
 public:
  // Throws std::invalid_argument where the memory is below kLeastMemory.
  explicit Counter(const CounterConfig& config);

  void add(Texts texts);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t texts() const { return texts_; }
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
  // By how much a count can be too low.
  [[nodiscard]] std::uint32_t error_bound() const { return error_bound_; }

  // The `most` most frequent n-grams seen at least `least` times: by count, then shorter ones first
  // (which keeps the choice closed under prefixes), then by key.
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
  std::size_t capacity_;  // n-grams that the memory holds
  std::array<CountTable, kShards> tables_;
  std::vector<Keys> keys_;  // by thread
  std::uint64_t texts_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint32_t error_bound_ = 0;
};

}  // namespace sparsedistill
