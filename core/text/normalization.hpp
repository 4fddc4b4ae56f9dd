// Unicode's form NFC, over the code points of a word: composed and decomposed spellings are one word.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text/unicode.hpp"

namespace sparsedistill {

namespace detail {

inline constexpr std::size_t kLongestSequence = 32;      // code points that are normalised together
inline constexpr std::size_t kLongestDecomposition = 4;  // of one code point

// Brings `size` <= kLongestSequence code points into form NFC, in place; `codes` has room for kLongestDecomposition
// times as many. Returns their new number.
std::size_t normalize(char32_t* codes, std::size_t size);

}  // namespace detail

// Passes code points on in form NFC. An inert code point neither changes nor combines with those before it, so it is
// normalised together with the active ones after it only. More than 31 active ones are normalised in parts.
class Normalizer {
 public:
  // Calls sink(code) for the code points that cannot change any more.
  template <class Sink>
  void add(char32_t code, bool active, const Sink& sink) {
    if (!active || size_ == detail::kLongestSequence) finish(sink);
    codes_[size_++] = code;
    active_ |= active;
  }

  // Calls sink(code) for the last code points.
  template <class Sink>
  void finish(const Sink& sink) {
    if (active_) size_ = detail::normalize(codes_, size_);
    for (std::size_t i = 0; i < size_; ++i) sink(codes_[i]);
    size_ = 0;
    active_ = false;
  }

 private:
  char32_t codes_[detail::kLongestSequence * detail::kLongestDecomposition];
  std::size_t size_ = 0;
  bool active_ = false;
};

}  // namespace sparsedistill
