#include "compact/builder.hpp"

#include <cstring>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "compact/table.hpp"
#include "support/require.hpp"
#include "support/salt.hpp"
#include "text/ngrams.hpp"

namespace sparsedistill {

namespace {

// Above these load factors, keys in later lines and second cache misses become common.
double load_factor(int slots) {
  if (slots >= 5) return 0.8;
  if (slots >= 3) return 0.75;
  return slots == 2 ? 0.65 : 0.5;
}

class Builder {
 public:
  Builder(std::size_t lines, int slots, std::size_t row_bytes) : lines_(lines), slots_(slots), row_bytes_(row_bytes) {}

  // Inserts a key. Returns false if it would be beyond kMaxProbes.
  bool place(std::uint64_t key, const std::uint8_t* row, std::uint16_t followers) {
    const auto fingerprint = static_cast<std::uint16_t>(fingerprint_of(key));
    std::uint64_t at = line_of(key, static_cast<std::uint32_t>(lines_.size()));
    for (std::size_t step = 1; step <= kMaxProbes; ++step) {
      std::uint8_t* line = lines_[at].bytes;
      for (std::size_t slot = 0; slot < static_cast<std::size_t>(slots_); ++slot) {
        std::uint8_t* place = line + layout::fingerprints_at(slots_) + 2 * slot;
        const std::uint16_t there = layout::load16(place);
        std::uint8_t* mask = line + layout::followers_at(slots_) + 2 * slot;
        if (there == fingerprint) {
          ++lost_;
          followers |= layout::load16(mask);
          std::memcpy(mask, &followers, sizeof followers);
          return true;
        }
        if (there != 0) continue;
        std::memcpy(place, &fingerprint, sizeof fingerprint);
        std::memcpy(mask, &followers, sizeof followers);
        std::memcpy(line + slot * layout::row_bytes(slots_), row, row_bytes_);
        return true;
      }
      std::uint8_t* overflow = line + layout::overflow_at(slots_);
      const std::uint32_t bits = layout::load32(overflow) | overflow_bit(fingerprint);
      std::memcpy(overflow, &bits, sizeof bits);
      at = next_probe(key, at, step, lines_.size());
    }
    return false;
  }

  CompactBuild finish() { return {std::move(lines_), lost_}; }

 private:
  std::vector<Line> lines_;
  int slots_;
  std::size_t row_bytes_;
  std::size_t lost_ = 0;
};

}  // namespace

CompactBuild build_compact(std::span<const std::uint64_t> keys, std::span<const std::uint8_t> rows,
                           std::size_t row_bytes, std::span<const std::uint16_t> followers, int slots) {
  require(slots >= 1 && slots <= layout::kMostSlots, "a line must have 1 to 10 slots");
  require(row_bytes <= layout::row_bytes(slots), "the rows are too wide for the slots");
  require(rows.size() == keys.size() * row_bytes && followers.size() == keys.size(),
          "the numbers of keys, rows and followers differ");
  auto count = static_cast<std::size_t>(static_cast<double>(keys.size()) / (load_factor(slots) * slots)) + 1;
  const std::size_t most = kMostGrowth * count;
  for (;; count += count / 8 + 1) {
    require(count <= most, "the hashes of too many n-grams are alike");
    require(count <= CompactTable::kMostLines, "a compact table cannot hold as many n-grams");
    Builder builder(count, slots, row_bytes);
    bool placed = true;
    for (std::size_t i = 0; placed && i < keys.size(); ++i) {
      placed = builder.place(keys[i], rows.data() + i * row_bytes, followers[i]);
    }
    if (placed) return builder.finish();
  }
}

std::vector<std::uint16_t> followers_of(std::span<const std::uint64_t> keys, std::span<const std::string> ngrams) {
  require(keys.size() == ngrams.size(), "the numbers of keys and n-grams differ");
  const auto hash = [salt = process_salt()](std::uint64_t key) { return (key * salt) >> 32; };
  std::unordered_map<std::uint64_t, std::size_t, decltype(hash)> places(0, hash);
  places.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) places.emplace(keys[i], i);
  std::vector<std::uint16_t> followers(keys.size());
  for (const std::string& ngram : ngrams) {
    const std::size_t space = ngram.rfind(' ');
    if (space == std::string::npos) continue;
    const std::string_view whole(ngram);
    const auto prefix = places.find(key_of_ngram(whole.substr(0, space)));
    if (prefix == places.end()) continue;
    followers[prefix->second] |= static_cast<std::uint16_t>(follower_bit(hash_bytes(whole.substr(space + 1))));
  }
  return followers;
}

}  // namespace sparsedistill
