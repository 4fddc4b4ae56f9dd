#include "vocabulary/extraction.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "support/require.hpp"
#include "vocabulary/finder.hpp"
#include "vocabulary/parts.hpp"
#include "vocabulary/row_set.hpp"
#include "vocabulary/words.hpp"

namespace sparsedistill {

namespace {

// A random number for each (seed, text, position), the same on every machine (the finalizer of SplitMix64).
std::uint64_t random_at(std::uint64_t seed, std::uint64_t text, std::uint64_t position) {
  std::uint64_t x = seed * kSeed0 + text * kSeed1 + position * kSeed2 + kSeed3;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

// What is counted, dropped and kept as one.
struct Item {
  std::uint32_t row;   // kNoRow: an unknown word
  std::uint32_t word;  // whose characters are to be added, or kNoWord
  Part part;
};

void drop_some(std::vector<Item>& items, std::size_t text, const ExtractionConfig& config) {
  const auto threshold = static_cast<std::uint64_t>(config.dropout * 0x1p32);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if ((random_at(config.seed, text, i) >> 32) >= threshold) items[kept++] = items[i];
  }
  items.resize(kept);
}

void choose_some(std::vector<Item>& items, std::size_t text, const ExtractionConfig& config) {
  for (std::size_t i = 0; i < config.max_ngrams; ++i) {
    std::swap(items[i], items[i + random_at(~config.seed, text, i) % (items.size() - i)]);
  }
  items.resize(config.max_ngrams);
}

// Applies dropout and max_ngrams.
void sample(std::vector<Item>& items, std::size_t text, const ExtractionConfig& config) {
  if (config.dropout > 0) drop_some(items, text, config);
  if (config.max_ngrams > 0 && items.size() > config.max_ngrams) choose_some(items, text, config);
}

// Extracts the pieces of one thread.
class Extractor {
 public:
  Extractor(const Vocabulary& vocabulary, const ExtractionConfig& config)
      : rows_(vocabulary.rows()),
        characters_(vocabulary.config().characters()),
        config_(config),
        find_(vocabulary),
        table_(vocabulary) {}

  // A word of a piece, for merge().
  struct Word {
    std::uint64_t key;
    std::span<const std::uint32_t> characters;
  };

  // Extracts the segments of the texts in `range`. Writes their sizes to the offsets of `result`, from 1 on.
  void operator()(Texts texts, Texts pairs, Range range, std::size_t number, Extraction& result) {
    piece_ = number;
    words_.clear();
    const std::size_t parts = pairs.empty() ? 1 : kParts;
    for (std::size_t text = range.begin; text < range.end; ++text) {
      NgramFinder::Counts counts = find_items(texts[text], sides_[0]);
      items_.swap(sides_[0].items);
      if (!pairs.empty()) {
        const NgramFinder::Counts others = find_items(pairs[text], sides_[1]);
        counts.tokens += others.tokens;
        counts.known += others.known;
        join_sides();
      }
      result.tokens[text] = static_cast<std::int64_t>(counts.tokens);
      result.known[text] = static_cast<std::int64_t>(counts.known);
      sample(items_, text, config_);
      for (std::size_t part = 0; part < parts; ++part) {
        write_segment(static_cast<Part>(part), parts * text + part, result);
      }
    }
    result.pieces[number].numbers.assign(words_.begin(), words_.end());
  }

  // A word that `numbers` of a piece refers to before they are merged.
  [[nodiscard]] Word word(std::int64_t number) const {
    const auto word = static_cast<std::uint32_t>(number);
    return {table_.key(word), table_.characters(word)};
  }

 private:
  // The distinct items of a text of a pair, or of a single text.
  struct Side {
    RowSet seen;
    std::vector<Item> items;
  };

  // Items of unknown words are seen as rows beyond the vocabulary.
  [[nodiscard]] std::uint32_t id(const Item& item) const { return item.row == kNoRow ? rows_ + item.word : item.row; }

  NgramFinder::Counts find_items(std::string_view text, Side& side) {
    side.seen.clear();
    side.items.clear();
    const auto found = [&](std::uint32_t row, const Token& first, const Token& last) {
      if (!side.seen.insert(row)) return;
      const bool spelt = characters_ && !config_.folded && &first == &last && first.begin != first.end;
      const std::uint32_t word = spelt ? table_.find(key_of(first.hash, 1), span_of(text, first)) : kNoWord;
      side.items.push_back({row, word, kShared});
    };
    const auto missed = [&](const Token& token) {
      if (!characters_) return;
      const std::uint32_t word = table_.find(key_of(token.hash, 1), span_of(text, token));
      if (word != kNoWord && side.seen.insert(rows_ + word)) side.items.push_back({kNoRow, word, kShared});
    };
    return find_(text, found, missed);
  }

  // Appends the items that only the second text of a pair has to those of the first, and sets the parts.
  void join_sides() {
    for (Item& item : items_) item.part = sides_[1].seen.contains(id(item)) ? kShared : kFirst;
    for (Item item : sides_[1].items) {
      if (sides_[0].seen.contains(id(item))) continue;
      item.part = kSecond;
      items_.push_back(item);
    }
  }

  void write_segment(Part part, std::size_t segment, Extraction& result) {
    Extraction::Piece& piece = result.pieces[piece_];
    const std::size_t rows = piece.rows.size();
    const std::size_t words = piece.words.size();
    std::int64_t items = 0;
    for (const Item& item : items_) {
      if (item.part != part) continue;
      ++items;
      if (item.row != kNoRow) piece.rows.push_back(item.row);
      if (item.word != kNoWord) piece.words.push_back(number_of(item.word));
    }
    result.offsets[segment + 1] = static_cast<std::int64_t>(piece.rows.size() - rows);
    result.word_offsets[segment + 1] = static_cast<std::int64_t>(piece.words.size() - words);
    result.counts[segment] = items;
  }

  // The number of a word in the piece.
  std::int64_t number_of(std::uint32_t word) {
    if (numbers_.size() < table_.size()) numbers_.resize(table_.size(), {~std::size_t{0}, 0});
    auto& [piece, number] = numbers_[word];
    if (piece != piece_) {
      piece = piece_;
      number = static_cast<std::int64_t>(words_.size());
      words_.push_back(word);
    }
    return number;
  }

  std::uint32_t rows_;
  bool characters_;
  const ExtractionConfig& config_;
  NgramFinder find_;
  WordTable table_;
  Side sides_[2];
  std::vector<Item> items_;
  std::size_t piece_ = 0;
  std::vector<std::uint32_t> words_;                           // of the piece, by their number in it
  std::vector<std::pair<std::size_t, std::int64_t>> numbers_;  // by word: the last piece with it, its number there
};

// Numbers the distinct words of all pieces, in the order of the pieces, and collects their characters. `owners` are the
// extractors of the pieces.
void merge(Extraction& result, const std::vector<const Extractor*>& owners) {
  KeyMap numbers;
  result.character_offsets.push_back(0);
  for (std::size_t i = 0; i < owners.size(); ++i) {
    for (std::int64_t& number : result.pieces[i].numbers) {
      const Extractor::Word word = owners[i]->word(number);
      const auto [known, fresh] = numbers.insert(word.key);
      if (fresh) {
        *known = static_cast<std::uint32_t>(result.character_offsets.size() - 1);
        result.characters.insert(result.characters.end(), word.characters.begin(), word.characters.end());
        result.character_offsets.push_back(static_cast<std::int64_t>(result.characters.size()));
      }
      number = *known;
    }
  }
}

}  // namespace

Extraction extract(const Vocabulary& vocabulary, Texts texts, Texts pairs, const ExtractionConfig& config) {
  require(config.dropout >= 0 && config.dropout < 1, "dropout must be at least 0 and below 1");
  require(pairs.empty() || pairs.size() == texts.size(), "the numbers of first and second texts differ");
  const std::vector<Range> ranges = cut(texts, 1 << 16, 1024);
  const std::size_t segments = (pairs.empty() ? 1 : kParts) * texts.size();
  Extraction result;
  result.pieces.resize(ranges.size());
  result.offsets.resize(segments + 1);
  result.counts.resize(segments);
  result.word_offsets.resize(segments + 1);
  result.tokens.resize(texts.size());
  result.known.resize(texts.size());
  std::vector<std::unique_ptr<Extractor>> extractors(std::max<std::size_t>(1, config.threads));
  std::vector<const Extractor*> owners(ranges.size());
  for_each_parallel(ranges.size(), config.threads, [&](std::size_t thread, std::size_t item) {
    if (!extractors[thread]) extractors[thread] = std::make_unique<Extractor>(vocabulary, config);
    (*extractors[thread])(texts, pairs, ranges[item], item, result);
    owners[item] = extractors[thread].get();
  });
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  std::partial_sum(result.word_offsets.begin(), result.word_offsets.end(), result.word_offsets.begin());
  merge(result, owners);
  return result;
}

void Extraction::write(std::span<std::int64_t> rows, std::span<std::int64_t> words, std::size_t threads) const {
  std::vector<std::size_t> begins(pieces.size());
  std::vector<std::size_t> word_begins(pieces.size());
  for (std::size_t piece = 1; piece < pieces.size(); ++piece) {
    begins[piece] = begins[piece - 1] + pieces[piece - 1].rows.size();
    word_begins[piece] = word_begins[piece - 1] + pieces[piece - 1].words.size();
  }
  for_each_parallel(pieces.size(), threads, [&](std::size_t, std::size_t number) {
    const Piece& piece = pieces[number];
    std::ranges::copy(piece.rows, rows.subspan(begins[number]).begin());
    std::ranges::transform(piece.words, words.subspan(word_begins[number]).begin(),
                           [&](std::int64_t word) { return piece.numbers[static_cast<std::size_t>(word)]; });
  });
}

WordRows rows_of_words(const Vocabulary& vocabulary, std::span<const std::string> words) {
  WordRows result;
  result.offsets.push_back(0);
  if (!vocabulary.config().characters()) {
    result.offsets.resize(words.size() + 1);
    return result;
  }
  CharacterFinder find(vocabulary);
  for (const std::string& word : words) {
    const std::span<const std::uint32_t> rows = find(word);
    result.rows.insert(result.rows.end(), rows.begin(), rows.end());
    result.offsets.push_back(static_cast<std::int64_t>(result.rows.size()));
  }
  return result;
}

}  // namespace sparsedistill
