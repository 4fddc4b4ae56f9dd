// The compact kernel for AVX-512.
#include "compact/kernel_common.hpp"

#ifdef SPARSEDISTILL_X86
#include <immintrin.h>

#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // false alarms in the intrinsics of GCC 12 (bug 105593)
#endif

SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX512)
namespace sparsedistill::compact_avx512 {

inline Classes classify(const std::uint8_t* p) {
  const __m512i bytes = _mm512_loadu_si512(p);
  const __mmask64 high = _mm512_movepi8_mask(bytes);
  const __m512i lower = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
  const __mmask64 letter = _mm512_cmple_epu8_mask(_mm512_sub_epi8(lower, _mm512_set1_epi8('a')), _mm512_set1_epi8(25));
  const __mmask64 digit = _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8('0')), _mm512_set1_epi8(9));
  const __mmask64 visible =
      _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8('!')), _mm512_set1_epi8('~' - '!'));
  const __mmask64 word = (letter & ~high) | digit;
  return {word, visible & ~word, high};
}

inline std::uint32_t matches(const std::uint8_t* line, std::uint32_t fingerprint) {
  const __m256i there = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + 32));
  return _mm256_cmpeq_epi16_mask(there, _mm256_set1_epi16(static_cast<std::int16_t>(fingerprint)));
}

template <std::size_t kBytes>
struct Lanes {
  void add(const std::uint8_t* row) {
    if constexpr (kBytes == 8) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row));
      narrow = _mm256_add_epi32(narrow, _mm256_cvtepi8_epi32(bytes));
    } else {
      for (std::size_t i = 0; i < kBytes / 16; ++i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 16 * i));
        wide[i] = _mm512_add_epi32(wide[i], _mm512_cvtepi8_epi32(bytes));
      }
    }
  }

  void store(std::int32_t* sums) const {
    if constexpr (kBytes == 8) {
      std::memcpy(sums, &narrow, sizeof narrow);
    } else {
      std::memcpy(sums, wide, sizeof wide);
    }
  }

  __m256i narrow;
  __m512i wide[std::max<std::size_t>(kBytes / 16, 1)];
};

// The only instruction set here with a product of eight 64-bit integers.
inline void lengthen_block(CompactScratch& scratch, std::size_t begin, int order, std::uint32_t lines) {
  using Longs = std::uint64_t __attribute__((vector_size(64)));
  using Ints = std::uint32_t __attribute__((vector_size(32)));
  static_assert(sizeof(Longs) == CompactScratch::kBlock * sizeof(std::uint64_t));
  Longs rolled;
  Longs tokens;
  std::memcpy(&rolled, scratch.rolled + begin, sizeof rolled);
  std::memcpy(&tokens, scratch.tokens + begin, sizeof tokens);
  rolled = roll(rolled, tokens);
  const Longs keys = key_of(rolled, order);
  const Ints homes = __builtin_convertvector(line_of(keys, lines), Ints);
  const Ints fingerprints = fingerprint_of(__builtin_convertvector(keys, Ints));
  std::memcpy(scratch.rolled + begin, &rolled, sizeof rolled);
  std::memcpy(scratch.homes + begin, &homes, sizeof homes);
  std::memcpy(scratch.fingerprints + begin, &fingerprints, sizeof fingerprints);
}

#include "compact/kernel_generic.inc"

}  // namespace sparsedistill::compact_avx512
SPARSEDISTILL_END_TARGET
#endif
