// What the kernels of all instruction sets share: included before their target regions.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "compact/kernel.hpp"
#include "compact/layout.hpp"
#include "simd/target.hpp"
#include "text/ngrams.hpp"

namespace sparsedistill {

// Each kernel file defines four primitives and then includes kernel_generic.inc:
//
//   Classes classify(const std::uint8_t* p)      the classes of the 64 bytes at p
//   std::uint32_t matches(line, fingerprint)     bit i is set if the i-th of the line's last 16 uint16, which include
//                                                its fingerprints, is this one
//   struct Lanes<kBytes>                         int32 sums of rows of int8, in registers; kBytes is 8, 16, 32 or 64
//   void lengthen_block(scratch, begin, order, lines)
//                                                extends a block of candidates by one token

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

}  // namespace sparsedistill
