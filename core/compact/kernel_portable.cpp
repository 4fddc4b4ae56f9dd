// The compact kernel, portable.
#include "compact/kernel_common.hpp"

namespace sparsedistill::compact_portable {

inline Classes classify(const std::uint8_t* p) {
  Classes found = {0, 0, 0};
  for (int i = 0; i < 64; ++i) {
    const CharClass kind = detail::kAscii.classes[p[i]];
    found.word |= std::uint64_t{kind == CharClass::kWord} << i;
    found.symbol |= std::uint64_t{kind == CharClass::kSymbol} << i;
    found.high |= std::uint64_t{p[i] >= 0x80} << i;
  }
  return found;
}

inline std::uint32_t matches(const std::uint8_t* line, std::uint32_t fingerprint) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    bits |= std::uint32_t{layout::load16(line + 32 + 2 * i) == fingerprint} << i;
  }
  return bits;
}

template <std::size_t kBytes>
struct Lanes {
  void add(const std::uint8_t* row) {
    for (std::size_t i = 0; i < kBytes; ++i) parts[i] += static_cast<std::int8_t>(row[i]);
  }

  void store(std::int32_t* sums) const { std::memcpy(sums, parts, sizeof parts); }

  std::int32_t parts[kBytes];
};

inline void lengthen_block(CompactScratch& scratch, std::size_t begin, int order, std::uint32_t lines) {
  lengthen_block_scalar(scratch, begin, order, lines);
}

inline std::size_t passing_keys(std::span<const char32_t> codes, const TokenizerConfig& config,
                                const CharacterFilter& filter, std::uint64_t* keys) {
  return passing_keys_scalar(codes, config, filter, keys);
}

#include "compact/kernel_generic.inc"

}  // namespace sparsedistill::compact_portable
