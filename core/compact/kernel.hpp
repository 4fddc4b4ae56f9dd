// Texts -> sums of their n-grams' rows, over a CompactTable: compiled for each instruction set.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "compact/table.hpp"
#include "simd/dispatch.hpp"
#include "simd/float16.hpp"

namespace sparsedistill {

// What a text, or a side of a pair, comes to.
struct TextCounts {
  std::uint64_t ngrams = 0;  // that the table has, each once
  std::uint64_t tokens = 0;  // of the text, without its boundaries; and its character n-grams
  std::uint64_t known = 0;   // those that the table has
};

// Slots that were met in the text in hand.
class MetSlots {
 public:
  // Forget all, and make room for `count` slots.
  void clear(std::size_t count) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(kRoom * count, 16));
    if (entries_.size() < size || entries_.size() > kLargestKept)
      entries_ = std::vector<std::uint32_t>(std::max(size, kSmallest));
    mask_ = size - 1;
    std::fill_n(entries_.data(), size, 0);
    size_ = 0;
  }

  // Make room for `more` slots beside those that were met.
  void reserve(std::size_t more) {
    if (kRoom * (size_ + more) <= 2 * (mask_ + 1)) return;
    const std::vector<std::uint32_t> old(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(mask_ + 1));
    const std::size_t size = size_;
    clear(2 * (size + more));
    size_ = size;
    for (const std::uint32_t entry : old) {
      if (entry != 0) *find(entry) = entry;
    }
  }

  // Copy those of `count` slots to `fresh` that are met for the first time, and return how many.
  SPARSEDISTILL_INLINE std::size_t insert(const std::uint32_t* slots, std::size_t count, std::uint32_t* fresh) {
    std::uint32_t* const entries = entries_.data();
    const std::size_t mask = mask_;
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t entry = slots[i] + 1;
      std::uint32_t* place = &entries[home(entry) & mask];
      // Taken by another slot. A product, for whether the place is free or holds this slot cannot be foretold.
      if (std::uint64_t{*place} * (*place ^ entry) != 0) [[unlikely]]
        place = find(entry);
      fresh[found] = slots[i];
      found += *place == 0 ? 1 : 0;
      *place = entry;
    }
    size_ += found;
    return found;
  }

  // Copy those of `count` slots to `there` that were met, and return how many.
  std::size_t select(const std::uint32_t* slots, std::size_t count, std::uint32_t* there) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
      there[found] = slots[i];
      found += *find(slots[i] + 1) == 0 ? 0 : 1;
    }
    return found;
  }

 private:
  static constexpr std::size_t kRoom = 8;  // entries a slot: nearly all stand where they belong
  static constexpr std::size_t kSmallest = std::size_t{1} << 13;
  static constexpr std::size_t kLargestKept = std::size_t{1} << 18;

  [[nodiscard]] SPARSEDISTILL_INLINE std::size_t home(std::uint32_t entry) const { return (entry * kSeed0) >> 32; }

  SPARSEDISTILL_INLINE std::uint32_t* find(std::uint32_t entry) {
    std::size_t at = home(entry) & mask_;
    while (entries_[at] != 0 && entries_[at] != entry) at = (at + 1) & mask_;
    return &entries_[at];
  }

  std::vector<std::uint32_t> entries_ = std::vector<std::uint32_t>(kSmallest);
  std::size_t mask_ = kSmallest - 1;
  std::size_t size_ = 0;
};

// The buffers of one thread; kept from call to call, and no larger for longer texts.
struct CompactScratch {
  static constexpr std::size_t kPiece = 512;    // tokens in flight: of many short texts or a part of a long one
  static constexpr std::size_t kBlock = 8;      // tokens or candidates that are reckoned with at once
  static constexpr std::uint32_t kPlaces = 16;  // of a line, when slots are counted
  static constexpr std::size_t kTexts = 128;    // texts, or sides of pairs, at once

  struct Text {
    std::uint32_t number;
    std::uint32_t begin;                // its tokens in the piece
    std::uint32_t starts;               // end of those that n-grams start from in this piece
    std::uint32_t candidates;           // end of its candidates
    std::uint32_t hits[kMaxNgram + 1];  // ends of its hits, an order each; before them, where they begin
  };

  explicit CompactScratch(std::size_t row_bytes)
      : sums(kTexts * row_bytes), shared_sums(kTexts / 2 * row_bytes), part(row_bytes) {}

  // By token or character n-gram. All have room for a last block, of which what is behind the last token is reckoned
  // and not used.
  std::uint64_t hashes[kPiece + kBlock] = {};
  std::uint16_t follows[kPiece + kBlock] = {};  // its follower bit; 0 where no n-gram goes on into it
  std::uint32_t lines[kPiece + kBlock];         // where it may stand
  std::uint32_t words[kPiece + kBlock];         // its fingerprint as a word
  // By candidate: an n-gram that may be in the table. Before its line is known: its prefix, and the token more.
  std::uint64_t rolled[kPiece + kBlock] = {};
  std::uint64_t tokens[kPiece + kBlock] = {};
  std::uint32_t nexts[kPiece + kBlock] = {};  // the token behind it
  std::uint32_t homes[kPiece + kBlock];
  std::uint32_t fingerprints[kPiece + kBlock];
  std::uint32_t hits[kMaxNgram * kPiece + 1];  // slots: line * kPlaces + place
  std::uint32_t fresh[kMaxNgram * kPiece + 1];
  std::uint32_t shared[kMaxNgram * kPiece + 1];  // those of a pair's second text that the first has too
  Text texts[kTexts];
  MetSlots met;                           // in a text, or in the first one of a pair
  MetSlots met_second;                    // in the second one
  std::vector<std::int64_t> sums;         // kTexts x row_bytes
  std::vector<std::int64_t> shared_sums;  // kTexts / 2 x row_bytes: of the n-grams that both texts of a pair have
  std::vector<std::int32_t> part;         // row_bytes
  TextCounts counts[kTexts];
  std::uint64_t shared_counts[kTexts / 2];
};

// Leave the sums and counts of up to kTexts texts in `scratch`. Where they are `pairs`, each first text is
// followed by its second one.
using SumTexts = void (*)(const CompactTable& table, const std::string_view* texts, std::size_t count, bool pairs,
                          CompactScratch& scratch);

SumTexts sum_texts(InstructionSet instruction_set, const CompactTable& table);

}  // namespace sparsedistill
