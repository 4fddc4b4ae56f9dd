// Tokens -> n-gram keys.
//
// The key of an n-gram is 64 bits: 61 of hash, rolled from token to token, and its order less one in
// the lowest three, so that a key alone tells whether it is a word or a phrase.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "text/tokenizer.hpp"

namespace sparsedistill {

inline constexpr int kMaxNgram = 8;

// Format version of tokens and keys: part of every model, and raised with any change to either.
inline constexpr int kTokenizerVersion = 1;

inline constexpr int kLeastCharacters = 2;
inline constexpr int kMostCharacters = 8;

struct TokenizerConfig {
  int max_ngram = 4;        // n-grams of 1 .. max_ngram tokens
  bool boundaries = false;  // the beginning and the end of a text are tokens
  int min_characters = 2;   // character n-grams of min_characters .. max_characters (see characters.hpp)
  int max_characters = 0;   // 0: none

  [[nodiscard]] bool characters() const { return max_characters > 0; }
  // n-grams for each byte of a text, at most: a word of one letter has two character n-grams of a length.
  [[nodiscard]] int most_ngrams() const {
    return max_ngram + (characters() ? 2 * (max_characters - min_characters + 1) : 0);
  }
};

// The key, its order left out, of the n-gram that is `prefix` (likewise) and one token more. Of one or, as a
// vector of them, of several.
template <class Longs>
__attribute__((always_inline)) inline Longs roll(Longs prefix, Longs token_hash) {
  Longs x = (prefix ^ (prefix >> 32)) * kSeed1 + token_hash;
  x = (x ^ (x >> 29)) * kSeed3;
  return x ^ (x >> 32);
}

template <class Longs>
__attribute__((always_inline)) inline Longs key_of(Longs rolled, int order) {
  return (rolled & ~std::uint64_t{7}) | static_cast<std::uint64_t>(order - 1);
}

inline int order_of(std::uint64_t key) { return static_cast<int>(key & 7) + 1; }

// Key of an n-gram given as its folded tokens with a space between.
inline std::uint64_t key_of_ngram(std::string_view ngram) {
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

inline const std::uint64_t kBeginHash = hash_bytes(kBeginToken);
inline const std::uint64_t kEndHash = hash_bytes(kEndToken);

// The tokens of a text and, where the config has them, its boundaries.
class TokenStream {
 public:
  TokenStream(std::string_view text, const TokenizerConfig& config)
      : tokenizer_(text), begin_pending_(config.boundaries), end_pending_(config.boundaries), size_(text.size()) {}

  bool next(Token& token) {
    if (begin_pending_) {
      begin_pending_ = false;
      token = {kBeginHash, 0, 0};
      return true;
    }
    if (tokenizer_.next(token)) return true;
    if (!end_pending_) return false;
    end_pending_ = false;
    token = {kEndHash, size_, size_};
    return true;
  }

 private:
  Tokenizer tokenizer_;
  bool begin_pending_;
  bool end_pending_;
  std::size_t size_;
};

}  // namespace sparsedistill
