#include "tests/check.hpp"

#include <iterator>

#include "text/characters.hpp"

namespace sparsedistill::tests {

std::string hostile_text(Random& random, std::size_t longest) {
  static const std::string pieces[] = {"a",
                                       "Zz9",
                                       " ",
                                       "\n",
                                       std::string(1, '\0'),
                                       "'",
                                       "-",
                                       "\xC3\xA9",
                                       "\xE6\x97",
                                       "\xE6\x97\xA5",
                                       "\xED\xA0\x80",
                                       "\xF0\x9F\x98\x80",
                                       "\xF4\x90",
                                       "\xC0\x80",
                                       "\xFF",
                                       "\xE2\x80\x8B",
                                       "\xC2\xAD",
                                       "\xCC\x81",
                                       "\xCC\xA3",
                                       "\xE1\x84\x92",
                                       "\xE1\x85\xA1",
                                       "\xE1\x86\xAB",
                                       "abcdefghijklmnopqrstuvwxyz",
                                       "\xE0\xB8\x81",
                                       "the ",
                                       "film "};
  std::string text;
  const std::size_t count = random() % (longest + 1);
  for (std::size_t i = 0; i < count; ++i) {
    if (random() % 8 == 0) {
      text.push_back(static_cast<char>(random()));
    } else {
      text += pieces[random() % std::size(pieces)];
    }
  }
  text.shrink_to_fit();
  return text;
}

std::vector<std::string> hostile_texts(Random& random, std::size_t count, std::size_t longest) {
  std::vector<std::string> texts;
  texts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) texts.push_back(hostile_text(random, longest));
  return texts;
}

std::vector<std::string_view> views_of(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

TokenizerConfig random_config(Random& random) {
  const int least = kLeastCharacters + static_cast<int>(random() % 3);
  const int most = random() % 2 == 0 ? 0 : least + static_cast<int>(random() % (kMostCharacters - least + 1));
  return {1 + static_cast<int>(random() % kMaxNgram), random() % 2 == 0, least, most};
}

namespace {

// The folded characters of a word between "<" and ">", each as UTF-8.
std::vector<std::string> characters_of(std::string_view word) {
  std::vector<std::string> characters = {"<"};
  for (const char byte : folded(word)) {
    if ((static_cast<std::uint8_t>(byte) & 0xC0) != 0x80) characters.emplace_back();
    characters.back() += byte;
  }
  if (characters.size() > 1 + WordCharacters::kLongestWord) characters.resize(1 + WordCharacters::kLongestWord);
  characters.emplace_back(">");
  return characters;
}

}  // namespace

std::vector<std::uint64_t> plain_characters(std::string_view text, const TokenizerConfig& config) {
  std::vector<std::uint64_t> keys;
  for (const PlainWord& word : plain_words(text, config)) {
    keys.insert(keys.end(), word.characters.begin(), word.characters.end());
  }
  return keys;
}

std::vector<PlainWord> plain_words(std::string_view text, const TokenizerConfig& config) {
  std::vector<PlainWord> words;
  Tokenizer tokenizer(text);
  for (Token token{}; tokenizer.next(token);) {
    words.push_back({key_of(token.hash, 1), {}});
    const std::vector<std::string> characters = characters_of(text.substr(token.begin, token.end - token.begin));
    if (characters.size() <= 3) continue;  // of one character
    for (std::size_t begin = 0; begin < characters.size(); ++begin) {
      std::string ngram(kCharactersToken);
      for (std::size_t end = begin; end < characters.size(); ++end) {
        ngram += characters[end];
        const auto length = static_cast<int>(end - begin + 1);
        if (length >= config.min_characters && length <= config.max_characters && end - begin + 1 < characters.size()) {
          words.back().characters.push_back(key_of_ngram(ngram));
        }
      }
    }
  }
  return words;
}

std::vector<std::string> crowded_words(std::size_t count) {
  std::vector<std::string> words;
  for (std::size_t i = 0; words.size() < count; ++i) {
    std::string word = "q" + std::to_string(i);
    if (hash_bytes(word) >> 54 == 0) words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::uint64_t> token_hashes(std::string_view text, const TokenizerConfig& config) {
  std::vector<std::uint64_t> hashes;
  TokenStream stream(text, config);
  for (Token token{}; stream.next(token);) hashes.push_back(token.hash);
  return hashes;
}

}  // namespace sparsedistill::tests
