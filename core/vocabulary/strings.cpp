#include "vocabulary/strings.hpp"

#include <algorithm>
#include <string_view>

#include "text/characters.hpp"
#include "vocabulary/finder.hpp"

namespace sparsedistill {

NgramStrings::NgramStrings(const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), strings_(vocabulary.rows()), claimed_(vocabulary.rows()) {}

void NgramStrings::add(Texts texts, std::size_t threads) {
  const std::vector<Range> ranges = cut(texts, 1 << 16, 1024);
  for_each_parallel(ranges.size(), threads, [&](std::size_t, std::size_t item) {
    NgramFinder find(vocabulary_);
    for (std::size_t i = ranges[item].begin; i < ranges[item].end; ++i) {
      const std::string_view text = texts[i];
      const auto found = [&](std::uint32_t row, const Token& first, const Token& last) {
        if (!claim(row)) return;
        std::string& string = strings_[row];
        for (const Token* token = &first;; ++token) {
          string += token_string(text, *token);
          if (token == &last) break;
          string += ' ';
        }
      };
      find(text, found, [](const Token&) {});
      if (vocabulary_.config().characters()) add_characters(text);
    }
  });
}

void NgramStrings::add_characters(std::string_view text) {
  Tokenizer tokenizer(text);
  WordCharacters word(vocabulary_.config());
  for (Token token{}; tokenizer.next(token);) {
    word.read(text.substr(token.begin, token.end - token.begin));
    word.for_each([&](std::uint64_t key, std::size_t begin, std::size_t length) {
      const std::uint32_t row = vocabulary_.find(key);
      if (row != kNoRow && claim(row)) strings_[row] = word.string(begin, length);
    });
  }
}

std::size_t NgramStrings::missing() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(strings_, [](const std::string& string) { return string.empty(); }));
}

}  // namespace sparsedistill
