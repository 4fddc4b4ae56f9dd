// What the kernels of all instruction sets share: included before their target regions.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "compact/kernel.hpp"
#include "compact/layout.hpp"
#include "simd/target.hpp"
#include "text/characters.hpp"
#include "text/ngrams.hpp"

namespace sparsedistill {

// Each kernel file defines five primitives and then includes kernel_generic.inc:
//
//   Classes classify(const std::uint8_t* p)      the classes of the 64 bytes at p
//   std::uint32_t matches(line, fingerprint)     bit i is set if the i-th of the line's last 16 uint16, which include
//                                                its fingerprints, is this one
//   struct Lanes<kBytes>                         int32 sums of rows of int8, in registers; kBytes is 8, 16, 32 or 64
//   void lengthen_block(scratch, begin, order, lines)
//                                                extends a block of candidates by one token
//   std::size_t passing_keys(codes, config, filter, keys)
//                                                writes the keys of the character n-grams of a word, of at least four
//                                                codes, that the filter passes, and returns how many

// Bit masks of 64 bytes by class. All other bytes separate tokens.
struct Classes {
  std::uint64_t word;    // letters and digits
  std::uint64_t symbol;  // punctuation and symbols
  std::uint64_t high;    // bytes beyond ASCII
};

// lengthen_block for instruction sets without a 64-bit vector product: sets the hash, home line and fingerprint of each
// candidate.
SPARSEDISTILL_INLINE void lengthen_block_scalar(CompactScratch& scratch, std::size_t begin, int order,
                                                std::uint32_t lines) {
  for (std::size_t i = begin; i < begin + CompactScratch::kBlock; ++i) {
    scratch.rolled[i] = roll(scratch.rolled[i], scratch.tokens[i]);
    const std::uint64_t key = key_of(scratch.rolled[i], order);
    scratch.homes[i] = static_cast<std::uint32_t>(line_of(key, lines));
    scratch.fingerprints[i] = fingerprint_of(key);
  }
}

// passing_keys for these. The keys are computed first, and then filtered: so neither waits for the other.
SPARSEDISTILL_INLINE std::size_t passing_keys_scalar(std::span<const char32_t> codes, const TokenizerConfig& config,
                                                     const CharacterFilter& filter, std::uint64_t* keys) {
  const auto least = static_cast<std::size_t>(config.min_characters);
  const std::size_t most = std::min(static_cast<std::size_t>(config.max_characters), codes.size() - 1);
  std::size_t all = 0;
  for (std::size_t begin = 0; begin + least <= codes.size(); ++begin) {
    std::uint64_t rolled = kCharactersHash;
    const std::size_t longest = std::min(most, codes.size() - begin);
    for (std::size_t length = 1; length <= longest; ++length) {
      rolled = roll_character(rolled, codes[begin + length - 1]);
      keys[all] = key_of(rolled, 1);
      all += length >= least ? 1 : 0;
    }
  }
  std::size_t passed = 0;
  for (std::size_t i = 0; i < all; ++i) {
    const std::uint64_t key = keys[i];
    keys[passed] = key;
    passed += filter.passes(key) ? 1 : 0;
  }
  return passed;
}

}  // namespace sparsedistill
