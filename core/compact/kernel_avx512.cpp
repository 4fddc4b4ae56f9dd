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

// Eight character n-grams of one length at a time.
inline std::size_t passing_keys(std::span<const char32_t> codes, const TokenizerConfig& config,
                                const CharacterFilter& filter, std::uint64_t* keys) {
  const auto least = static_cast<std::size_t>(config.min_characters);
  const std::size_t most = std::min(static_cast<std::size_t>(config.max_characters), codes.size() - 1);
  const __m512i places = _mm512_set1_epi64(static_cast<std::int64_t>(filter.mask()));
  const __m512i one = _mm512_set1_epi64(1);
  std::size_t passed = 0;
  for (std::size_t begin = 0; begin + least <= codes.size(); begin += 8) {
    using Longs = std::uint64_t __attribute__((vector_size(64)));
    Longs rolled = Longs{} + kCharactersHash;
    const std::size_t longest = std::min(most, codes.size() - begin);
    for (std::size_t length = 1; length <= longest; ++length) {
      const char32_t* next = codes.data() + begin + length - 1;
      const __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(next));
      rolled = roll(rolled, reinterpret_cast<Longs>(_mm512_cvtepu32_epi64(characters)) * kSeed2);
      if (length < least) continue;
      const std::size_t there = std::min<std::size_t>(8, codes.size() - begin - length + 1);
      const auto mask = static_cast<__mmask8>((1U << there) - 1);
      const auto key = reinterpret_cast<__m512i>(key_of(rolled, 1));
      const __m512i place = _mm512_and_si512(_mm512_srli_epi64(key, 20), places);
      const __m512i word = _mm512_mask_i64gather_epi64(one, mask, place, filter.words(), 8);
      const __m512i first = _mm512_sllv_epi64(one, _mm512_srli_epi64(key, 58));
      const __m512i second =
          _mm512_sllv_epi64(one, _mm512_and_si512(_mm512_srli_epi64(key, 52), _mm512_set1_epi64(63)));
      const __m512i bits = _mm512_or_si512(first, second);
      const __mmask8 kept = _mm512_mask_cmpeq_epi64_mask(mask, _mm512_and_si512(word, bits), bits);
      _mm512_storeu_si512(keys + passed, _mm512_maskz_compress_epi64(kept, key));
      passed += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(kept)));
    }
  }
  return passed;
}

#include "compact/kernel_generic.inc"

}  // namespace sparsedistill::compact_avx512
SPARSEDISTILL_END_TARGET
#endif
