#include "compact/unknown_words.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace sparsedistill {

namespace {

constexpr std::size_t kMostEntries = 4096;
constexpr std::size_t kCachedNumbers = std::size_t{1} << 18;
constexpr double kLargest = 0x7FFFFFFF;  // sums of 2^32 such rows fit in 64 bits

std::size_t entries_for(std::size_t row_bytes) {
  return std::bit_floor(std::clamp<std::size_t>(kCachedNumbers / row_bytes, 16, kMostEntries));
}

}  // namespace

RowNumbers::RowNumbers(const CompactNetwork& network) : wide(network.wide) {
  shift.reserve(network.dims());
  for (std::size_t d = 0; d < network.dims(); ++d) {
    const double quotient = double{network.centre[d]} / double{network.scale[d]};
    shift.push_back(std::isfinite(quotient) ? quotient : 0.0);
  }
}

UnknownWords::UnknownWords(const CompactTable& table, RowNumbers numbers)
    : table_(table), numbers_(std::move(numbers)), characters_(table.config()) {
  if (!table.config().characters()) return;
  if (numbers_.shift.empty()) numbers_.shift.resize(table.row_bytes());
  totals_.resize(table.row_bytes());
  entries_.resize(entries_for(table.row_bytes()));
  rows_.resize(entries_.size() * table.row_bytes());
}

std::int32_t UnknownWords::number(double exact) {
  return static_cast<std::int32_t>(std::llrint(std::clamp(exact, -kLargest, kLargest)));
}

UnknownWords::Added UnknownWords::add(std::span<const std::uint32_t> missed, const std::uint64_t* hashes,
                                      const std::string_view* spans, bool second, RowAdder& adder, std::int64_t* sums,
                                      std::int64_t* shared_sums) {
  Added added;
  const std::size_t bytes = table_.row_bytes();
  const auto add_word = [&](Word& word) {
    const std::int32_t* numbers = row(word, adder);
    if (numbers == nullptr) return;
    ++added.words;
    for (std::size_t lane = 0; lane < bytes; ++lane) sums[lane] += numbers[lane];
    if (!second || !seen_[0].contains(word.key)) return;
    ++added.shared;
    for (std::size_t lane = 0; lane < bytes; ++lane) shared_sums[lane] += numbers[lane];
  };
  KeyMap& seen = seen_[second ? 1 : 0];
  const auto restart = [&] {
    words_.clear();
    read_ = fetched_ = 0;
  };
  restart();
  std::size_t next = 0;  // of words_ to add: the lines of words are fetched while those before them are added
  for (std::size_t i = 0; i < missed.size(); ++i) {
    if (i + kWordsAhead < missed.size()) seen.prefetch(key_of(hashes[missed[i + kWordsAhead]], 1));
    const std::uint32_t token = missed[i];
    const std::uint64_t key = key_of(hashes[token], 1);
    if (spans[token].empty() || !seen.insert(key).second) continue;
    words_.push_back({key, spans[token], read_, read_});
    if (entries_[place(key)].key != key) read_keys(words_.back(), adder);
    const std::size_t ahead = read_ < kMostKeys ? kAhead : 0;
    while (next < words_.size() && read_ - words_[next].begin > ahead) add_word(words_[next++]);
    if (next < words_.size()) continue;
    restart();
    next = 0;
  }
  while (next < words_.size()) add_word(words_[next++]);
  return added;
}

void UnknownWords::read_keys(Word& word, RowAdder& adder) {
  word.begin = read_;
  constexpr std::size_t kRoom = kMostKeys + RowAdder::kKeysBeyond;
  if (keys_.size() < read_ + kRoom) keys_.resize(2 * (read_ + kRoom));
  characters_.read(word.spelling);
  word.end = read_ = word.begin + adder.read_keys(characters_, &keys_[read_]);
  fetch(std::min(kAhead, word.end));
}

void UnknownWords::fetch(std::size_t end) {
  for (; fetched_ < end; ++fetched_) table_.prefetch(keys_[fetched_]);
}

const std::int32_t* UnknownWords::row(Word& word, RowAdder& adder) {
  const std::size_t at = place(word.key);
  Entry& entry = entries_[at];
  std::int32_t* numbers = &rows_[at * table_.row_bytes()];
  if (entry.key != word.key) {
    if (word.begin == word.end) read_keys(word, adder);  // a word before it took the place of its row
    entry = {word.key, compute(word, adder, numbers)};
  }
  return entry.found ? numbers : nullptr;
}

bool UnknownWords::compute(const Word& word, RowAdder& adder, std::int32_t* row) {
  std::fill(totals_.begin(), totals_.end(), 0);
  fetch(word.end);
  const std::size_t count = word.end - word.begin;
  const std::size_t later = std::min(count, read_ - fetched_);
  const std::size_t found =
      adder.add_keys({&keys_[word.begin], count}, {keys_.data() + fetched_, later}, totals_.data());
  fetched_ += later;
  if (found == 0) return false;
  const double root = std::sqrt(static_cast<double>(found));
  const auto number = [&](std::int64_t total, std::size_t d) {
    return UnknownWords::number(static_cast<double>(total) / root + (root - 1) * numbers_.shift[d]);
  };
  const std::size_t wide = numbers_.wide;
  std::fill_n(row, table_.row_bytes(), 0);
  for (std::size_t d = 0; d < wide; ++d) row[2 * d + 1] = number(256 * totals_[2 * d] + totals_[2 * d + 1], d);
  for (std::size_t d = wide; d < numbers_.shift.size(); ++d) row[wide + d] = number(totals_[wide + d], d);
  return true;
}

}  // namespace sparsedistill
