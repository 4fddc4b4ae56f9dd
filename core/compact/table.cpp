#include "compact/table.hpp"

#include <algorithm>
#include <unordered_map>

#include "support/require.hpp"

namespace sparsedistill {

namespace {

// The share of slots that is filled: beyond it, keys in later lines and second misses become common.
double filling(int slots) { return slots >= 5 ? 0.8 : slots >= 3 ? 0.75 : slots == 2 ? 0.65 : 0.5; }

class Builder {
 public:
  Builder(std::size_t lines, int slots, std::size_t row_bytes)
      : lines_(lines * kLineBytes), count_(lines), slots_(slots), row_bytes_(row_bytes) {}

  // False where the key would stand out of reach.
  bool place(std::uint64_t key, const std::uint8_t* row, std::uint16_t followers) {
    const auto fingerprint = static_cast<std::uint16_t>(fingerprint_of(key));
    std::uint64_t at = line_of(key, static_cast<std::uint32_t>(count_));
    for (std::uint32_t step = 0; step < CompactTable::kReach; ++step) {
      std::uint8_t* line = &lines_[at * kLineBytes];
      for (int slot = 0; slot < slots_; ++slot) {
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
        std::memcpy(line + static_cast<std::size_t>(slot) * layout::row_bytes(slots_), row, row_bytes_);
        return true;
      }
      std::uint8_t* overflown = line + layout::overflown_at(slots_);
      const std::uint32_t bits = layout::load32(overflown) | overflow_bit(fingerprint);
      std::memcpy(overflown, &bits, sizeof bits);
      if (++at == count_) at = 0;
    }
    return false;
  }

  CompactBuild finish() { return {std::move(lines_), lost_}; }

 private:
  std::vector<std::uint8_t> lines_;
  std::uint64_t count_;
  int slots_;
  std::size_t row_bytes_;
  std::size_t lost_ = 0;
};

}  // namespace

CompactTable::CompactTable(std::span<const std::uint8_t> lines, int slots, std::span<const std::int8_t> apart,
                           std::size_t apart_bytes, TokenizerConfig config, bool closed)
    : data_(lines),
      lines_(lines.size() / kLineBytes),
      slots_(slots),
      apart_(apart),
      apart_bytes_(apart_bytes),
      apart_rows_(apart_bytes == 0 ? 0 : apart.size() / apart_bytes),
      config_(config),
      closed_(closed) {
  require(slots >= 1 && slots <= layout::kMostSlots, "a line has 1 to 10 slots");
  require(!lines.empty() && lines.size() % kLineBytes == 0 && lines_ <= kMostLines, "lines have 64 bytes each");
  require(apart_bytes == 0 ? apart.empty() : slots == layout::kApartSlots && apart.size() % apart_bytes == 0,
          "the rows that are kept apart do not fit the lines");
}

std::uint64_t CompactTable::find(std::uint64_t key) const {
  const std::uint32_t fingerprint = fingerprint_of(key);
  std::uint64_t at = line_of(key, static_cast<std::uint32_t>(lines_));
  for (std::uint32_t step = 0; step < kReach; ++step) {
    const std::uint8_t* line = &data_[at * kLineBytes];
    for (int slot = 0; slot < slots_; ++slot) {
      if (layout::load16(line + layout::fingerprints_at(slots_) + 2 * slot) == fingerprint) {
        return at * static_cast<std::uint64_t>(slots_) + static_cast<std::uint64_t>(slot);
      }
    }
    if ((layout::load32(line + layout::overflown_at(slots_)) & overflow_bit(fingerprint)) == 0) return kNone;
    if (++at == lines_) at = 0;
  }
  return kNone;
}

std::uint32_t CompactTable::followers(std::uint64_t slot) const {
  const auto slots = static_cast<std::uint64_t>(slots_);
  return layout::load16(&data_[slot / slots * kLineBytes + layout::followers_at(slots_) + 2 * (slot % slots)]);
}

std::span<const std::int8_t> CompactTable::row(std::uint64_t slot) const {
  const auto slots = static_cast<std::uint64_t>(slots_);
  const std::uint8_t* inside = &data_[slot / slots * kLineBytes + slot % slots * layout::row_bytes(slots_)];
  if (!apart()) return {reinterpret_cast<const std::int8_t*>(inside), layout::row_bytes(slots_)};
  const std::size_t row = layout::load32(inside);
  require(row < apart_rows_, "a slot names a row that is not there");
  return apart_.subspan(row * apart_bytes_, apart_bytes_);
}

CompactBuild build_compact(std::span<const std::uint64_t> keys, std::span<const std::uint8_t> rows,
                           std::size_t row_bytes, std::span<const std::uint16_t> followers, int slots) {
  require(slots >= 1 && slots <= layout::kMostSlots, "a line has 1 to 10 slots");
  require(row_bytes <= layout::row_bytes(slots), "the rows do not fit the slots");
  require(rows.size() == keys.size() * row_bytes && followers.size() == keys.size(), "each key needs a row");
  auto count = static_cast<std::size_t>(static_cast<double>(keys.size()) / (filling(slots) * slots)) + 1;
  for (;; count += count / 8 + 1) {
    require(count <= CompactTable::kMostLines, "there are more n-grams than a table can hold");
    Builder builder(count, slots, row_bytes);
    bool placed = true;
    for (std::size_t i = 0; placed && i < keys.size(); ++i) {
      placed = builder.place(keys[i], rows.data() + i * row_bytes, followers[i]);
    }
    if (placed) return builder.finish();
  }
}

std::vector<std::uint16_t> followers_of(std::span<const std::uint64_t> keys, std::span<const std::string> ngrams) {
  require(keys.size() == ngrams.size(), "each key needs its n-gram");
  std::unordered_map<std::uint64_t, std::size_t> places;
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
