// Finds the n-grams of texts and of pairs in a vocabulary.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/ngrams.hpp"
#include "vocabulary/parts.hpp"
#include "vocabulary/row_set.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill {

// The bytes of a token that a finder read from `text`.
inline std::string_view span_of(std::string_view text, const Token& token) {
  return text.substr(token.begin, token.end - token.begin);
}

// Finds the n-grams of texts. Holds the buffers of one thread, whose size does not depend on the text.
class NgramFinder {
 public:
  explicit NgramFinder(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  struct Counts {
    std::uint64_t tokens = 0;  // without boundaries
    std::uint64_t known = 0;   // those of them in the vocabulary
  };

  // Calls found(row, first, last) for each occurrence of an n-gram of the vocabulary in `text`, and missed(token) for
  // each occurrence of a token, boundaries excluded, that is not in the vocabulary. `first` and `last` are the outer
  // tokens of the n-gram; the tokens between them are contiguous in memory. The order depends only on the text.
  template <class Found, class Missed>
  Counts operator()(std::string_view text, const Found& found, const Missed& missed) {
    Counts counts;
    TokenStream stream(text, vocabulary_.config());
    const auto carried = static_cast<std::size_t>(vocabulary_.config().max_ngram - 1);
    std::size_t filled = 0;
    for (bool more = true; more;) {
      while (filled < kPiece) {
        more = stream.next(tokens_[filled]);
        if (!more) break;
        const std::uint64_t key = key_of(tokens_[filled].hash, 1);
        vocabulary_.prefetch(key);
        ++filled;
      }
      // The last tokens of a piece start n-grams that end in the next piece.
      const std::size_t starts = more ? filled - carried : filled;
      find_piece(starts, filled, counts, found, missed);
      std::copy(tokens_ + starts, tokens_ + filled, tokens_);
      filled -= starts;
    }
    return counts;
  }

 private:
  static constexpr std::size_t kPiece = 512;

  struct Candidate {
    std::uint64_t rolled;
    std::uint32_t start;
  };

  // Out of line: some callers would else run out of registers, 5 % slower.
  template <class Found, class Missed>
  __attribute__((noinline)) void find_piece(std::size_t starts, std::size_t filled, Counts& counts, const Found& found,
                                            const Missed& missed) {
    for (std::size_t start = 0; start < starts; ++start) {
      candidates_[start] = {tokens_[start].hash, static_cast<std::uint32_t>(start)};
    }
    std::size_t left = starts;
    for (int order = 1; order <= vocabulary_.config().max_ngram && left > 0; ++order) {
      left = find_order(order, left, filled, counts, found, missed);
    }
  }

  // Looks up the candidates of one order. Keeps those that can be extended to the next order, their keys prefetched,
  // and returns how many there are.
  template <class Found, class Missed>
  std::size_t find_order(int order, std::size_t candidates, std::size_t filled, Counts& counts, const Found& found,
                         const Missed& missed) {
    const auto length = static_cast<std::size_t>(order);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < candidates; ++i) {
      const Candidate candidate = candidates_[i];
      const std::size_t next = candidate.start + length;
      const std::uint32_t row = vocabulary_.find(key_of(candidate.rolled, order));
      if (order == 1 && tokens_[candidate.start].begin != tokens_[candidate.start].end) {
        ++counts.tokens;
        counts.known += row != kNoRow;
        if (row == kNoRow) missed(tokens_[candidate.start]);
      }
      if (row != kNoRow) {
        found(row, tokens_[candidate.start], tokens_[next - 1]);
      } else if (vocabulary_.closed()) {
        continue;
      }
      if (next >= filled || order == vocabulary_.config().max_ngram) continue;
      const std::uint64_t rolled = roll(candidate.rolled, tokens_[next].hash);
      vocabulary_.prefetch(key_of(rolled, order + 1));
      candidates_[kept++] = {rolled, candidate.start};
    }
    return kept;
  }

  const Vocabulary& vocabulary_;
  Token tokens_[kPiece];
  Candidate candidates_[kPiece];
};

// Finds the distinct items of pairs by part: known n-grams, and unknown words. Holds the buffers of one thread.
class PairFinder {
 public:
  explicit PairFinder(const Vocabulary& vocabulary) : find_(vocabulary) {}

  // Finds the items of a pair. Calls sink(row) for each known n-gram as soon as it is found, twice for those in both
  // texts. unknown(key, word) gives the item of an unknown word, which must not be below the number of rows and the
  // same for both texts, or kNoRow if the word is none.
  template <class Sink, class Unknown>
  NgramFinder::Counts operator()(std::string_view first, std::string_view second, const Sink& sink,
                                 const Unknown& unknown) {
    for (std::vector<std::uint32_t>& part : parts_) part.clear();
    for (RowSet& seen : seen_) seen.clear();
    NgramFinder::Counts counts =
        find_side(first, seen_[0], sink, unknown, [&](std::uint32_t item) { parts_[kFirst].push_back(item); });
    const NgramFinder::Counts others = find_side(second, seen_[1], sink, unknown, [&](std::uint32_t item) {
      parts_[seen_[0].contains(item) ? kShared : kSecond].push_back(item);
    });
    std::erase_if(parts_[kFirst], [&](std::uint32_t item) { return seen_[1].contains(item); });
    counts.tokens += others.tokens;
    counts.known += others.known;
    return counts;
  }

  // The items of the last pair, valid until the next call.
  [[nodiscard]] const std::vector<std::uint32_t>& part(Part part) const { return parts_[part]; }

 private:
  // Calls add(item) for each distinct item of a text.
  template <class Sink, class Unknown, class Add>
  NgramFinder::Counts find_side(std::string_view text, RowSet& seen, const Sink& sink, const Unknown& unknown,
                                const Add& add) {
    const auto found = [&](std::uint32_t row, const Token&, const Token&) {
      if (!seen.insert(row)) return;
      sink(row);
      add(row);
    };
    const auto missed = [&](const Token& token) {
      const std::uint32_t item = unknown(key_of(token.hash, 1), span_of(text, token));
      if (item != kNoRow && seen.insert(item)) add(item);
    };
    return find_(text, found, missed);
  }

  NgramFinder find_;
  RowSet seen_[2];  // in the first and in the second text
  std::vector<std::uint32_t> parts_[kParts];
};

}  // namespace sparsedistill
