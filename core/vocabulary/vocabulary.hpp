// The n-gram vocabulary: keys and their rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/require.hpp"
#include "text/ngrams.hpp"
#include "vocabulary/buckets.hpp"
#include "vocabulary/probes.hpp"

namespace sparsedistill {

inline constexpr std::uint32_t kNoRow = 0xFFFFFFFF;

class Vocabulary {
 public:
  // Finders number unknown words from the number of rows on.
  static constexpr std::uint32_t kMostWithCharacters = std::uint32_t{1} << 31;

  // A view of `buckets`, which must outlive it. Keys whose row is not below `rows` count as missing. A vocabulary is
  // `closed` under prefixes if it contains all prefixes of its n-grams, as one chosen by frequency does: finders then
  // stop at the first missing n-gram of a position.
  Vocabulary(std::span<const Bucket> buckets, std::uint32_t rows, TokenizerConfig config, bool closed)
      : buckets_(buckets), rows_(rows), config_(config), closed_(closed) {
    require(!buckets.empty(), "the bucket table is empty");
    require(!config.characters() || rows <= kMostWithCharacters,
            "a vocabulary with character n-grams has too many rows");
  }

  [[nodiscard]] std::uint32_t rows() const { return rows_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const TokenizerConfig& config() const { return config_; }

  // The row of `key`, or kNoRow.
  [[nodiscard]] std::uint32_t find(std::uint64_t key) const {
    const Bucket& home = buckets_[Bucket::home(key, buckets_.size())];
    for (int slot = 0; slot < Bucket::kSlots; ++slot) {
      if (home.keys[slot] == key) return home.rows[slot] < rows_ ? home.rows[slot] : kNoRow;
    }
    return home.overflowed == 0 ? kNoRow : find_later(key);
  }

  // The rows of `keys`, -1 for missing ones.
  [[nodiscard]] std::vector<std::int64_t> find(std::span<const std::uint64_t> keys) const {
    std::vector<std::int64_t> rows;
    rows.reserve(keys.size());
    for (const std::uint64_t key : keys) {
      const std::uint32_t row = find(key);
      rows.push_back(row == kNoRow ? -1 : static_cast<std::int64_t>(row));
    }
    return rows;
  }

  void prefetch(std::uint64_t key) const { __builtin_prefetch(&buckets_[Bucket::home(key, buckets_.size())]); }

 private:
  // Searches the buckets after the home of `key`. Out of line, since few look-ups need it.
  [[nodiscard]] __attribute__((noinline)) std::uint32_t find_later(std::uint64_t key) const {
    std::size_t at = Bucket::home(key, buckets_.size());
    for (std::size_t step = 1; step < kMaxProbes && buckets_[at].overflowed != 0; ++step) {
      at = next_probe(key, at, step, buckets_.size());
      const Bucket& bucket = buckets_[at];
      for (int slot = 0; slot < Bucket::kSlots; ++slot) {
        if (bucket.keys[slot] == key) return bucket.rows[slot] < rows_ ? bucket.rows[slot] : kNoRow;
      }
    }
    return kNoRow;
  }

  std::span<const Bucket> buckets_;
  std::uint32_t rows_;
  TokenizerConfig config_;
  bool closed_;
};

}  // namespace sparsedistill
