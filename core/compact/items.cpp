#include "compact/items.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "compact/unknown_words.hpp"
#include "text/characters.hpp"
#include "text/ngrams.hpp"

namespace sparsedistill {

namespace {

class Reader {
 public:
  Reader(const CompactTable& table, const CompactNetwork& network, std::string_view text)
      : table_(table), network_(network), numbers_(network), text_(text) {
    TokenStream stream(text, table.config());
    for (Token token{}; stream.next(token);) tokens_.push_back(token);
  }

  std::vector<Item> read() {
    phrases();
    if (table_.config().characters()) unknown_words();
    std::stable_sort(items_.begin(), items_.end(),
                     [](const Item& one, const Item& other) { return one.places.front() < other.places.front(); });
    return std::move(items_);
  }

 private:
  // The number of an item, which is new if its name is.
  Item& item(std::string name, bool unknown) {
    const auto [found, fresh] = places_.try_emplace(std::move(name), items_.size());
    if (fresh) items_.push_back({found->first, unknown, {}, {}});
    return items_[found->second];
  }

  void phrases() {
    const auto longest = static_cast<std::size_t>(table_.config().max_ngram);
    struct Candidate {
      std::size_t start;
      std::uint64_t rolled;
    };
    std::vector<Candidate> candidates;
    for (std::size_t start = 0; start < tokens_.size(); ++start) candidates.push_back({start, tokens_[start].hash});
    for (std::size_t order = 1; order <= longest; ++order) {
      std::vector<Candidate> next;
      for (const Candidate& candidate : candidates) {
        const std::uint64_t slot = table_.find(key_of(candidate.rolled, static_cast<int>(order)));
        const std::size_t end = candidate.start + order;
        if (slot != CompactTable::kNone) {
          Item& found = item(name(candidate.start, end), false);
          found.places.emplace_back(tokens_[candidate.start].begin, tokens_[end - 1].end);
          if (found.numbers.empty()) found.numbers = scaled(integers({{slot}}));
        } else if (table_.closed()) {
          continue;
        }
        if (end < tokens_.size()) next.push_back({candidate.start, roll(candidate.rolled, tokens_[end].hash)});
      }
      candidates = std::move(next);
    }
  }

  void unknown_words() {
    WordCharacters word(table_.config());
    for (const Token& token : tokens_) {
      if (token.begin == token.end || table_.find(key_of(token.hash, 1)) != CompactTable::kNone) continue;
      const std::string spelling = token_string(text_, token);
      if (const auto found = places_.find(spelling); found != places_.end()) {
        items_[found->second].places.emplace_back(token.begin, token.end);
        continue;
      }
      if (std::optional<std::vector<double>> row = word_row(word, text_.substr(token.begin, token.end - token.begin))) {
        Item& found = item(spelling, true);
        found.places.emplace_back(token.begin, token.end);
        found.numbers = std::move(*row);
      }
    }
  }

  // The row of an unknown word, if it has any.
  std::optional<std::vector<double>> word_row(WordCharacters& word, std::string_view span) const {
    word.read(span);
    std::vector<std::uint64_t> slots;
    word.for_each([&](std::uint64_t key, std::size_t, std::size_t) {
      if (const std::uint64_t slot = table_.find_characters(key); slot != CompactTable::kNone) slots.push_back(slot);
    });
    if (slots.empty()) return std::nullopt;
    std::vector<double> sums = integers(slots);
    const double root = std::sqrt(static_cast<double>(slots.size()));
    for (std::size_t d = 0; d < sums.size(); ++d) {
      sums[d] = UnknownWords::number(sums[d] / root + (root - 1) * numbers_.shift[d]);
    }
    return scaled(std::move(sums));
  }

  // The sums of the numbers of rows, before they are scaled.
  [[nodiscard]] std::vector<double> integers(std::span<const std::uint64_t> slots) const {
    std::vector<double> sums(network_.dims());
    for (const std::uint64_t slot : slots) {
      const std::int8_t* row = table_.row_or_null(slot);
      if (row == nullptr) continue;  // the file is damaged
      for (std::size_t d = 0; d < sums.size(); ++d) {
        sums[d] += d < network_.wide ? 256 * row[2 * d] + row[2 * d + 1] : row[network_.wide + d];
      }
    }
    return sums;
  }

  [[nodiscard]] std::vector<double> scaled(std::vector<double> numbers) const {
    for (std::size_t d = 0; d < numbers.size(); ++d) {
      numbers[d] = numbers[d] * double{network_.scale[d]} + double{network_.centre[d]};
    }
    return numbers;
  }

  [[nodiscard]] std::string name(std::size_t begin, std::size_t end) const {
    std::string whole;
    for (std::size_t i = begin; i < end; ++i) {
      if (i > begin) whole.push_back(' ');
      whole += token_string(text_, tokens_[i]);
    }
    return whole;
  }

  const CompactTable& table_;
  const CompactNetwork& network_;
  RowNumbers numbers_;
  std::string_view text_;
  std::vector<Token> tokens_;
  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> places_;  // of items by name
};

}  // namespace

std::vector<Item> read_items(const CompactTable& table, const CompactNetwork& network, std::string_view text) {
  return Reader(table, network, text).read();
}

}  // namespace sparsedistill
