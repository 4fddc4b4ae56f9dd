// Finds the n-grams of texts and of pairs in a vocabulary.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/characters.hpp"
#include "text/ngrams.hpp"
#include "vocabulary/parts.hpp"
#include "vocabulary/row_set.hpp"
#include "vocabulary/vocabulary.hpp"

namespace sparsedistill {

// Finds the n-grams of texts. Holds the buffers of one thread, whose size does not depend on the text.
class NgramFinder {
 public:
  explicit NgramFinder(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  struct Counts {
    std::uint64_t tokens = 0;  // tokens without boundaries, and character n-grams
    std::uint64_t known = 0;   // those of them in the vocabulary
  };

  // Calls sink(row) for each occurrence of an n-gram of the vocabulary in `text`. The order depends only on the text.
  template <class Sink>
  Counts operator()(std::string_view text, const Sink& sink) {
    Counts counts = of_tokens(text, [&](std::uint32_t row, const Token&, const Token&) { sink(row); });
    if (vocabulary_.config().characters()) of_characters(text, counts, sink);
    return counts;
  }

  // Calls sink(row, first, last) for each n-gram of tokens. `first` and `last` are its outer tokens; the tokens between
  // them are contiguous in memory.
  template <class Sink>
  Counts of_tokens(std::string_view text, const Sink& sink) {
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
      find_piece(starts, filled, counts, sink);
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

  template <class Sink>
  void of_characters(std::string_view text, Counts& counts, const Sink& sink) {
    CharacterStream stream(text, vocabulary_.config());
    for (std::size_t filled = kPiece; filled == kPiece;) {
      for (filled = 0; filled < kPiece && stream.next(tokens_[filled]); ++filled) {
        vocabulary_.prefetch(key_of(tokens_[filled].hash, 1));
      }
      counts.tokens += filled;
      for (std::size_t i = 0; i < filled; ++i) {
        const std::uint32_t row = vocabulary_.find(key_of(tokens_[i].hash, 1));
        if (row == kNoRow) continue;
        ++counts.known;
        sink(row);
      }
    }
  }

  // Out of line: some callers would else run out of registers, 5 % slower.
  template <class Sink>
  __attribute__((noinline)) void find_piece(std::size_t starts, std::size_t filled, Counts& counts, const Sink& sink) {
    for (std::size_t start = 0; start < starts; ++start) {
      candidates_[start] = {tokens_[start].hash, static_cast<std::uint32_t>(start)};
    }
    std::size_t left = starts;
    for (int order = 1; order <= vocabulary_.config().max_ngram && left > 0; ++order) {
      left = find_order(order, left, filled, counts, sink);
    }
  }

  // Looks up the candidates of one order. Keeps those that can be extended to the next order, their keys prefetched,
  // and returns how many there are.
  template <class Sink>
  std::size_t find_order(int order, std::size_t candidates, std::size_t filled, Counts& counts, const Sink& sink) {
    const auto length = static_cast<std::size_t>(order);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < candidates; ++i) {
      const Candidate candidate = candidates_[i];
      const std::size_t next = candidate.start + length;
      const std::uint32_t row = vocabulary_.find(key_of(candidate.rolled, order));
      if (order == 1 && tokens_[candidate.start].begin != tokens_[candidate.start].end) {
        ++counts.tokens;
        counts.known += row != kNoRow;
      }
      if (row != kNoRow) {
        sink(row, tokens_[candidate.start], tokens_[next - 1]);
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

// Finds the distinct n-grams of pairs by part. Holds the buffers of one thread.
class PairFinder {
 public:
  explicit PairFinder(const Vocabulary& vocabulary) : find_(vocabulary) {}

  // Finds the rows of a pair. Calls sink(row) for each as soon as it is found, twice for those in both texts.
  template <class Sink>
  NgramFinder::Counts operator()(std::string_view first, std::string_view second, const Sink& sink) {
    for (std::vector<std::uint32_t>& part : parts_) part.clear();
    for (RowSet& seen : seen_) seen.clear();
    NgramFinder::Counts counts = find_(first, [&](std::uint32_t row) {
      if (!seen_[0].insert(row)) return;
      sink(row);
      parts_[kFirst].push_back(row);
    });
    const NgramFinder::Counts others = find_(second, [&](std::uint32_t row) {
      if (!seen_[1].insert(row)) return;
      sink(row);
      parts_[seen_[0].contains(row) ? kShared : kSecond].push_back(row);
    });
    std::erase_if(parts_[kFirst], [&](std::uint32_t row) { return seen_[1].contains(row); });
    counts.tokens += others.tokens;
    counts.known += others.known;
    return counts;
  }

  // The rows of the last pair, valid until the next call.
  [[nodiscard]] const std::vector<std::uint32_t>& part(Part part) const { return parts_[part]; }

 private:
  NgramFinder find_;
  RowSet seen_[2];  // in the first and in the second text
  std::vector<std::uint32_t> parts_[kParts];
};

}  // namespace sparsedistill
