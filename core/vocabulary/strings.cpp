#include "vocabulary/strings.hpp"

#include <algorithm>
#include <string_view>

#include "text/characters.hpp"
#include "vocabulary/finder.hpp"

namespace sparsedistill {

NgramStrings::NgramStrings(const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), places_(vocabulary.rows()), blocks_(1), claimed_(vocabulary.rows()) {}

void NgramStrings::add(Texts texts, std::size_t threads) {
  const std::vector<Range> ranges = cut(texts, 1 << 16, 1024);
  for_each_parallel(ranges.size(), threads, [&](std::size_t, std::size_t item) {
    NgramFinder find(vocabulary_);
    Found found;
    for (std::size_t i = ranges[item].begin; i < ranges[item].end; ++i) {
      const std::string_view text = texts[i];
      const auto spell = [&](std::uint32_t row, const Token& first, const Token& last) {
        if (!claim(row)) return;
        for (const Token* token = &first;; ++token) {
          found.bytes += token_string(text, *token);
          if (token == &last) break;
          found.bytes += ' ';
        }
        found.ends.emplace_back(row, found.bytes.size());
      };
      find(text, spell, [](const Token&) {});
      if (vocabulary_.config().characters()) find_characters(text, found);
    }
    keep(found);
  });
}

void NgramStrings::find_characters(std::string_view text, Found& found) {
  Tokenizer tokenizer(text);
  WordCharacters word(vocabulary_.config());
  for (Token token{}; tokenizer.next(token);) {
    word.read(text.substr(token.begin, token.end - token.begin));
    word.for_each([&](std::uint64_t key, std::size_t begin, std::size_t length) {
      const std::uint32_t row = vocabulary_.find(key);
      if (row == kNoRow || !claim(row)) return;
      found.bytes += word.string(begin, length);
      found.ends.emplace_back(row, found.bytes.size());
    });
  }
}

void NgramStrings::keep(const Found& found) {
  const std::lock_guard lock(mutex_);
  std::size_t begin = 0;
  for (const auto& [row, end] : found.ends) {
    const std::string_view string = std::string_view(found.bytes).substr(begin, end - begin);
    begin = end;
    if (blocks_.back().size() + string.size() > kBlockBytes) blocks_.emplace_back();
    std::string& block = blocks_.back();
    if (block.empty()) block.reserve(std::max(kBlockBytes, string.size()));
    places_[row] = {static_cast<std::uint32_t>(blocks_.size() - 1), static_cast<std::uint32_t>(block.size()),
                    static_cast<std::uint32_t>(string.size())};
    block += string;
  }
}

std::string_view NgramStrings::string(std::size_t row) const {
  const Place& place = places_[row];
  return std::string_view(blocks_[place.block]).substr(place.begin, place.size);
}

std::size_t NgramStrings::missing() const {
  return static_cast<std::size_t>(std::ranges::count_if(places_, [](const Place& place) { return place.size == 0; }));
}

}  // namespace sparsedistill
