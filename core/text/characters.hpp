// Character n-grams: what an unseen word, such as a misspelt or inflected one, has in common with known words.
//
// A word is read as its folded characters between "<" and ">". Its character n-grams are the runs of these with
// min_characters to max_characters characters, except the whole. Each counts as an n-gram of one token, "##" followed
// by the run, which no text can contain.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "text/ngrams.hpp"

namespace sparsedistill {

inline constexpr std::string_view kCharactersToken = "##";

// Iterates over the character n-grams of a text, word by word. Empty if the config asks for none.
class CharacterStream {
 public:
  // Further characters of a longer word are skipped, which bounds the memory regardless of the text.
  static constexpr std::size_t kLongestWord = 256;

  CharacterStream(std::string_view text, const TokenizerConfig& config)
      : text_(text),
        tokenizer_(config.characters() ? text : std::string_view()),
        least_(static_cast<std::size_t>(config.min_characters)),
        most_(static_cast<std::size_t>(config.max_characters)) {}

  // Reads the next character n-gram, with the span of its word. Returns false at the end of the text.
  bool next(Token& token) {
    while (length_ > longest_) {
      if (!read_word()) return false;
    }
    const std::size_t begin = begins_[at_];
    const std::size_t size = begins_[at_ + length_] - begin;
    std::memcpy(string_ + kCharactersToken.size(), word_.data() + begin, size);
    size_ = kCharactersToken.size() + size;
    token = {detail::hash_padded(string_, size_, 0), span_.begin, span_.end};
    if (++at_ + length_ >= begins_.size()) {
      at_ = 0;
      ++length_;
    }
    return true;
  }

  // The last character n-gram as a string, valid until the next call of next().
  [[nodiscard]] std::string_view string() const { return {reinterpret_cast<const char*>(string_), size_}; }

 private:
  bool read_word() {
    if (!tokenizer_.next(span_)) return false;
    word_.assign(1, '<');
    begins_.assign(1, 0);
    const auto* p = reinterpret_cast<const std::uint8_t*>(text_.data()) + span_.begin;
    const auto* end = reinterpret_cast<const std::uint8_t*>(text_.data()) + span_.end;
    for (bool full = false; p != end && !full;) {
      const Decoded character = decode(p, end);
      p += character.size;
      if (char_class(character.code) == CharClass::kIgnored) continue;
      fold(character.code, [&](std::uint8_t byte) {
        const bool begins = (byte & 0xC0) != 0x80;
        full |= begins && begins_.size() > kLongestWord;
        if (full) return;
        if (begins) begins_.push_back(word_.size());
        word_.push_back(static_cast<char>(byte));
      });
    }
    begins_.push_back(word_.size());
    word_.push_back('>');
    begins_.push_back(word_.size());
    at_ = 0;
    length_ = least_;
    longest_ = std::min(most_, begins_.size() - 2);  // one less than the whole
    return true;
  }

  std::string_view text_;
  Tokenizer tokenizer_;
  std::size_t least_;
  std::size_t most_;
  Token span_{};
  std::string word_;
  std::vector<std::size_t> begins_;  // byte offset of each character, and the end of the last
  std::size_t at_ = 0;
  std::size_t length_ = 1;
  std::size_t longest_ = 0;
  std::size_t size_ = 0;
  std::uint8_t string_[2 + 4 * kMostCharacters + 16] = {'#', '#'};  // 16 readable bytes after the longest n-gram
};

}  // namespace sparsedistill
