// The compact kernel for AVX2.
#include "compact/kernel_common.hpp"

#ifdef SPARSEDISTILL_X86
#include <immintrin.h>

SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX2)
namespace sparsedistill::compact_avx2 {

inline __m256i at_most(__m256i bytes, char limit) {
  return _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(limit)), bytes);
}

inline std::uint64_t as_bits(__m256i mask) { return static_cast<std::uint32_t>(_mm256_movemask_epi8(mask)); }

inline Classes classify(const std::uint8_t* p) {
  Classes found = {0, 0, 0};
  for (std::size_t half = 0; half < 2; ++half) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32 * half));
    const __m256i lower = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
    const std::uint64_t high = as_bits(bytes);
    const std::uint64_t letter = as_bits(at_most(_mm256_sub_epi8(lower, _mm256_set1_epi8('a')), 25));
    const std::uint64_t digit = as_bits(at_most(_mm256_sub_epi8(bytes, _mm256_set1_epi8('0')), 9));
    const std::uint64_t visible = as_bits(at_most(_mm256_sub_epi8(bytes, _mm256_set1_epi8('!')), '~' - '!'));
    const std::uint64_t word = (letter & ~high) | digit;
    found.word |= word << (32 * half);
    found.symbol |= (visible & ~word) << (32 * half);
    found.high |= high << (32 * half);
  }
  return found;
}

inline std::uint32_t matches(const std::uint8_t* line, std::uint32_t fingerprint) {
  const __m256i there = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + 32));
  const __m256i same = _mm256_cmpeq_epi16(there, _mm256_set1_epi16(static_cast<std::int16_t>(fingerprint)));
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(same), _mm256_extracti128_si256(same, 1));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes));
}

template <std::size_t kBytes>
struct Lanes {
  void add(const std::uint8_t* row) {
    for (std::size_t i = 0; i < kBytes / 8; ++i) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + 8 * i));
      parts[i] = _mm256_add_epi32(parts[i], _mm256_cvtepi8_epi32(bytes));
    }
  }

  void store(std::int32_t* sums) const { std::memcpy(sums, parts, sizeof parts); }

  __m256i parts[kBytes / 8];
};

// Out of line: the loop is vectorized to 180 instructions, which would be repeated in the lookup loops (2 % slower).
SPARSEDISTILL_NOINLINE inline void lengthen_block(CompactScratch& scratch, std::size_t begin, int order,
                                                  std::uint32_t lines) {
  lengthen_block_scalar(scratch, begin, order, lines);
}

inline std::size_t passing_keys(std::span<const char32_t> codes, const TokenizerConfig& config,
                                const CharacterFilter& filter, std::uint64_t* keys) {
  return passing_keys_scalar(codes, config, filter, keys);
}

#include "compact/kernel_generic.inc"

}  // namespace sparsedistill::compact_avx2
SPARSEDISTILL_END_TARGET
#endif
