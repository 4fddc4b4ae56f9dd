#include "text/ngrams.hpp"

#include <algorithm>
#include <stdexcept>

#include "text/characters.hpp"

namespace sparsedistill {

void TokenizerConfig::check() const {
  if (max_ngram < 1 || max_ngram > kMaxNgram) {
    throw std::invalid_argument("max_ngram must be 1 to " + std::to_string(kMaxNgram));
  }
  if (min_characters < kLeastCharacters || max_characters > kMostCharacters ||
      (max_characters != 0 && max_characters < min_characters)) {
    throw std::invalid_argument("character n-grams must have 2 to 8 characters, min_characters at most max_characters");
  }
}

namespace {

std::uint64_t key_of_characters(std::string_view run) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(run.data());
  const auto* end = p + run.size();
  std::uint64_t rolled = kCharactersHash;
  while (p != end) {
    const Decoded character = decode(p, end);
    p += character.size;
    rolled = roll_character(rolled, character.code);
  }
  return key_of(rolled, 1);
}

}  // namespace

std::uint64_t key_of_ngram(std::string_view ngram) {
  // No token begins with "##".
  if (ngram.size() > kCharactersToken.size() && ngram.starts_with(kCharactersToken)) {
    return key_of_characters(ngram.substr(kCharactersToken.size()));
  }
  std::uint64_t rolled = 0;
  int order = 0;
  for (std::size_t begin = 0; begin <= ngram.size(); ++order) {
    const std::size_t end = std::min(ngram.find(' ', begin), ngram.size());
    const std::uint64_t hash = hash_bytes(ngram.substr(begin, end - begin));
    rolled = order == 0 ? hash : roll(rolled, hash);
    begin = end + 1;
  }
  return key_of(rolled, order);
}

std::vector<std::uint64_t> keys_of_ngrams(std::span<const std::string> ngrams) {
  std::vector<std::uint64_t> keys;
  keys.reserve(ngrams.size());
  for (const std::string& ngram : ngrams) keys.push_back(key_of_ngram(ngram));
  return keys;
}

std::string token_string(std::string_view text, const Token& token) {
  if (token.begin == token.end) return std::string(token.hash == kBeginHash ? kBeginToken : kEndToken);
  return folded(text.substr(token.begin, token.end - token.begin));
}

}  // namespace sparsedistill
