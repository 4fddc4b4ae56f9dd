// The compact kernel for NEON.
#include "compact/kernel_common.hpp"

#ifdef SPARSEDISTILL_NEON
#include <arm_neon.h>

namespace sparsedistill::compact_neon {

inline std::uint64_t as_bits(uint8x16_t mask) {
  const uint8x16_t bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t kept = vandq_u8(mask, bits);
  return vaddv_u8(vget_low_u8(kept)) | static_cast<std::uint64_t>(vaddv_u8(vget_high_u8(kept))) << 8;
}

inline Classes classify(const std::uint8_t* p) {
  Classes found = {0, 0, 0};
  for (std::size_t quarter = 0; quarter < 4; ++quarter) {
    const uint8x16_t bytes = vld1q_u8(p + 16 * quarter);
    const uint8x16_t lower = vorrq_u8(bytes, vdupq_n_u8(0x20));
    const std::uint64_t high = as_bits(vcgeq_u8(bytes, vdupq_n_u8(0x80)));
    const std::uint64_t letter = as_bits(vcleq_u8(vsubq_u8(lower, vdupq_n_u8('a')), vdupq_n_u8(25)));
    const std::uint64_t digit = as_bits(vcleq_u8(vsubq_u8(bytes, vdupq_n_u8('0')), vdupq_n_u8(9)));
    const std::uint64_t visible = as_bits(vcleq_u8(vsubq_u8(bytes, vdupq_n_u8('!')), vdupq_n_u8('~' - '!')));
    const std::uint64_t word = (letter & ~high) | digit;
    found.word |= word << (16 * quarter);
    found.symbol |= (visible & ~word) << (16 * quarter);
    found.high |= high << (16 * quarter);
  }
  return found;
}

inline std::uint32_t matches(const std::uint8_t* line, std::uint32_t fingerprint) {
  const uint16x8_t wanted = vdupq_n_u16(static_cast<std::uint16_t>(fingerprint));
  const uint16x8_t low = vceqq_u16(vreinterpretq_u16_u8(vld1q_u8(line + 32)), wanted);
  const uint16x8_t high = vceqq_u16(vreinterpretq_u16_u8(vld1q_u8(line + 48)), wanted);
  return static_cast<std::uint32_t>(as_bits(vcombine_u8(vmovn_u16(low), vmovn_u16(high))));
}

template <std::size_t kBytes>
struct Lanes {
  void add(const std::uint8_t* row) {
    for (std::size_t i = 0; i < kBytes / 8; ++i) {
      const int16x8_t wide = vmovl_s8(vld1_s8(reinterpret_cast<const std::int8_t*>(row) + 8 * i));
      parts[2 * i] = vaddw_s16(parts[2 * i], vget_low_s16(wide));
      parts[2 * i + 1] = vaddw_s16(parts[2 * i + 1], vget_high_s16(wide));
    }
  }

  void store(std::int32_t* sums) const { std::memcpy(sums, parts, sizeof parts); }

  int32x4_t parts[kBytes / 4];
};

inline void lengthen_block(CompactScratch& scratch, std::size_t begin, int order, std::uint32_t lines) {
  lengthen_block_scalar(scratch, begin, order, lines);
}

inline std::size_t passing_keys(std::span<const char32_t> codes, const TokenizerConfig& config,
                                const CharacterFilter& filter, std::uint64_t* keys) {
  return passing_keys_scalar(codes, config, filter, keys);
}

#include "compact/kernel_generic.inc"

}  // namespace sparsedistill::compact_neon
#endif
