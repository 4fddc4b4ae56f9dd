// The stages of the compact kernel, and limits of the machine, as functions compiled for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "simd/dispatch.hpp"
#include "simd/target.hpp"
#include "support/parallel.hpp"

namespace sparsedistill::roofline {

// Makes the compiler assume that what `p` points to is used.
SPARSEDISTILL_INLINE void keep(const void* p) { asm volatile("" : : "r"(p) : "memory"); }

struct Stages {
  // The number of UTF-8 characters: the least work that reading a text can be.
  std::uint64_t (*characters)(const std::uint8_t* p, std::size_t size);
  // The sum of the 64-bit words of `size` bytes, a multiple of 256.
  std::uint64_t (*words)(const std::uint8_t* p, std::size_t size);
  // Hashes the tokens of the texts, and returns how many there are.
  std::uint64_t (*hash_all)(Texts texts, bool boundaries);
  // Finds the distinct hits of each text, and returns how many there are. `ends` are those of the texts' hits.
  std::uint64_t (*deduplicate)(std::span<const std::uint32_t> hits, std::span<const std::size_t> ends);
  // Adds the rows of `slots`, `times` times.
  void (*add_rows)(const std::uint8_t* data, std::span<const std::uint32_t> slots, int times);
};

// The stages for tables with `slots` slots per line.
Stages stages(InstructionSet set, int slots);

}  // namespace sparsedistill::roofline

namespace sparsedistill::compact_portable {
roofline::Stages stages(int slots);
}
namespace sparsedistill::compact_avx2 {
roofline::Stages stages(int slots);
}
namespace sparsedistill::compact_avx512 {
roofline::Stages stages(int slots);
}
namespace sparsedistill::compact_neon {
roofline::Stages stages(int slots);
}
