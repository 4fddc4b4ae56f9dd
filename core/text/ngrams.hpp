// N-gram keys.
//
// The key of an n-gram has 64 bits: 61 bits of a hash rolled from token to token, and in the lowest three bits its
// order (its number of tokens) minus one, so that a key alone says whether it is a word or a phrase.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/hash.hpp"
#include "text/tokenizer.hpp"

namespace sparsedistill {

inline constexpr int kMaxNgram = 8;

// The format version of tokens and keys. It is part of every model: increase it with any change to either.
inline constexpr int kTokenizerVersion = 2;

inline constexpr int kLeastCharacters = 2;
inline constexpr int kMostCharacters = 8;

struct TokenizerConfig {
  int max_ngram = 4;        // n-grams of 1 to max_ngram tokens
  bool boundaries = false;  // whether the beginning and the end of a text are tokens
  int min_characters = 2;   // character n-grams of min_characters to max_characters (see characters.hpp)
  int max_characters = 0;   // 0: no character n-grams

  // Throws std::invalid_argument if a field is out of range.
  void check() const;

  [[nodiscard]] bool characters() const { return max_characters > 0; }
  // Upper bound on the n-grams per byte of text, which hold fewer than two character n-grams of each length: folding
  // turns two bytes into at most three characters.
  [[nodiscard]] int most_ngrams() const {
    return max_ngram + (characters() ? 2 * (max_characters - min_characters + 1) : 0);
  }
};

// Extends the rolled hash of an n-gram by one token. Takes one value or a vector of them.
template <class Longs>
__attribute__((always_inline)) inline Longs roll(Longs prefix, Longs token_hash) {
  Longs x = (prefix ^ (prefix >> 32)) * kSeed1 + token_hash;
  x = (x ^ (x >> 29)) * kSeed3;
  return x ^ (x >> 32);
}

// The key of an n-gram from its rolled hash. Takes one value or a vector of them.
template <class Longs>
__attribute__((always_inline)) inline Longs key_of(Longs rolled, int order) {
  return (rolled & ~std::uint64_t{7}) | static_cast<std::uint64_t>(order - 1);
}

inline int order_of(std::uint64_t key) { return static_cast<int>(key & 7) + 1; }

// The key of an n-gram given as its folded tokens separated by spaces, or of a character n-gram as it is spelt.
std::uint64_t key_of_ngram(std::string_view ngram);
std::vector<std::uint64_t> keys_of_ngrams(std::span<const std::string> ngrams);

// The boundary tokens, STX and ETX: no token of a text contains these characters.
inline constexpr std::string_view kBeginToken = "\x02";
inline constexpr std::string_view kEndToken = "\x03";
inline const std::uint64_t kBeginHash = hash_bytes(kBeginToken);
inline const std::uint64_t kEndHash = hash_bytes(kEndToken);

// Iterates over the tokens of a text and, if the config asks for them, its boundaries, which have empty spans.
class TokenStream {
 public:
  TokenStream(std::string_view text, const TokenizerConfig& config)
      : tokenizer_(text), begin_pending_(config.boundaries), end_pending_(config.boundaries), size_(text.size()) {}

  // Reads the next token. Returns false at the end of the text.
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

// The folded string of a token that a TokenStream read from `text`.
std::string token_string(std::string_view text, const Token& token);

}  // namespace sparsedistill
