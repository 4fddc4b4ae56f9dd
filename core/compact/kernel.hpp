// The kernel of compact students: texts to the sums of the rows of their n-grams and unknown words, compiled for each
// instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "compact/seen_slots.hpp"
#include "compact/table.hpp"
#include "compact/unknown_words.hpp"
#include "simd/dispatch.hpp"
#include "text/ngrams.hpp"

namespace sparsedistill {

// Counts of a text, or of one text of a pair.
struct TextCounts {
  std::uint64_t items = 0;   // distinct n-grams in the table, and unknown words with character n-grams in it
  std::uint64_t tokens = 0;  // without boundaries
  std::uint64_t known = 0;   // those of them in the table
};

// The buffers of one thread, kept between calls. Their size does not depend on the texts.
//
// The kernel works on a piece at a time: many short texts, or a part of a long one. A text, here, can be one of a pair.
struct CompactScratch {
  static constexpr std::size_t kPiece = 512;    // tokens of a piece
  static constexpr std::size_t kBlock = 8;      // tokens or candidates that are processed together
  static constexpr std::uint32_t kPlaces = 16;  // slot numbers per line
  static constexpr std::size_t kTexts = 128;    // texts per call

  struct Text {
    std::uint32_t number;
    std::uint32_t begin;                // of its tokens in the piece
    std::uint32_t starts;               // end of the tokens at which n-grams start in this piece
    std::uint32_t candidates;           // end of its candidates
    std::uint32_t missed;               // end of its tokens that are not in the table
    std::uint32_t hits[kMaxNgram + 1];  // [order]: end of its hits of an order; [0]: begin of the first
  };

  explicit CompactScratch(const CompactTable& table, RowNumbers numbers = {})
      : sums(kTexts * table.row_bytes()),
        shared_sums(kTexts / 2 * table.row_bytes()),
        part(table.row_bytes()),
        unknown(table, std::move(numbers)) {}

  // By token. There is room for a whole last block, whose results beyond the end are not used.
  std::uint64_t hashes[kPiece + kBlock] = {};
  std::uint16_t follows[kPiece + kBlock] = {};  // follower bit; 0 if no n-gram continues into this token
  std::uint32_t lines[kPiece + kBlock];         // home line as a word
  std::uint32_t words[kPiece + kBlock];         // fingerprint as a word
  std::string_view spans[kPiece];               // bytes in the text; set only if the table has character n-grams
  std::uint32_t missed[kPiece + 1];             // the tokens that are not in the table; likewise
  // By candidate, an n-gram that may be in the table. First `rolled` is the hash of its prefix and `tokens` the token
  // to extend it by; lengthen_block() then sets the hash, home line and fingerprint of the n-gram itself.
  std::uint64_t rolled[kPiece + kBlock] = {};
  std::uint64_t tokens[kPiece + kBlock] = {};
  std::uint32_t nexts[kPiece + kBlock] = {};  // position of the token after it
  std::uint32_t homes[kPiece + kBlock];
  std::uint32_t fingerprints[kPiece + kBlock];
  std::uint32_t hits[kMaxNgram * kPiece + 1];  // slots: line * kPlaces + place
  std::uint32_t fresh[kMaxNgram * kPiece + 1];
  std::uint32_t shared[kMaxNgram * kPiece + 1];  // those of a pair's second text that the first has too
  Text texts[kTexts];
  SeenSlots seen;                         // in a text, or in the first one of a pair
  SeenSlots seen_second;                  // in the second one
  std::vector<std::int64_t> sums;         // kTexts x row_bytes
  std::vector<std::int64_t> shared_sums;  // kTexts / 2 x row_bytes: of the items in both texts of a pair
  std::vector<std::int32_t> part;         // row_bytes
  UnknownWords unknown;
  TextCounts counts[kTexts];
  std::uint64_t shared_counts[kTexts / 2];
};

// Computes the sums and counts of up to kTexts texts in `scratch`. With `pairs`, each first text is followed by its
// second text. All instruction sets give the same integers.
using SumTexts = void (*)(const CompactTable& table, const std::string_view* texts, std::size_t count, bool pairs,
                          CompactScratch& scratch);

// The kernel for the layout of `table`.
SumTexts sum_texts_kernel(InstructionSet set, const CompactTable& table);

// Each instruction set has a file that defines its kernels.
namespace compact_portable {
SumTexts choose(const CompactTable& table);
}
namespace compact_avx2 {
SumTexts choose(const CompactTable& table);
}
namespace compact_avx512 {
SumTexts choose(const CompactTable& table);
}
namespace compact_neon {
SumTexts choose(const CompactTable& table);
}

}  // namespace sparsedistill
