#include "vocabulary/vocabulary.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>

namespace sparsedistill {

namespace {

constexpr double kFilling = 0.625;  // beyond it, full buckets and second misses become common
constexpr std::int64_t kMarks = 4;  // rows are marked with their part as row * kMarks + part

// Put `keys` into `buckets`; false where one would stand out of reach.
bool place(std::span<const std::uint64_t> keys, std::vector<Bucket>& buckets) {
  for (std::size_t row = 0; row < keys.size(); ++row) {
    const std::uint64_t key = keys[row];
    std::size_t at = Vocabulary::home(key, buckets.size());
    for (std::size_t step = 0;; ++step) {
      if (step == Vocabulary::kReach) return false;
      Bucket& bucket = buckets[at];
      int slot = 0;
      for (; slot < Bucket::kSlots && bucket.keys[slot] != 0; ++slot) {
        if (bucket.keys[slot] == key) throw std::invalid_argument("an n-gram comes twice");
      }
      if (slot < Bucket::kSlots) {
        bucket.keys[slot] = key;
        bucket.rows[slot] = static_cast<std::uint32_t>(row);
        break;
      }
      bucket.overflown = 1;
      if (++at == buckets.size()) at = 0;
    }
  }
  return true;
}

// A number for each (seed, text, place), the same on every machine (SplitMix64's finish).
std::uint64_t random_at(std::uint64_t seed, std::uint64_t text, std::uint64_t place) {
  std::uint64_t x = seed * kSeed0 + text * kSeed1 + place * kSeed2 + kSeed3;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

void drop_some(std::vector<std::int64_t>& rows, std::size_t begin, std::size_t text, const ExtractionConfig& config) {
  const auto threshold = static_cast<std::uint64_t>(config.dropout * 0x1p32);
  std::size_t kept = begin;
  for (std::size_t i = begin; i < rows.size(); ++i) {
    if ((random_at(config.seed, text, i - begin) >> 32) >= threshold) rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

void choose_some(std::vector<std::int64_t>& rows, std::size_t begin, std::size_t text, const ExtractionConfig& config) {
  const std::size_t count = rows.size() - begin;
  for (std::size_t i = 0; i < config.max_ngrams; ++i) {
    const std::uint64_t other = i + random_at(~config.seed, text, i) % (count - i);
    std::swap(rows[begin + i], rows[begin + other]);
  }
  rows.resize(begin + config.max_ngrams);
}

// Leave those of the rows from `begin` on that chance leaves.
void draw(std::vector<std::int64_t>& rows, std::size_t begin, std::size_t text, const ExtractionConfig& config) {
  if (config.dropout > 0) drop_some(rows, begin, text, config);
  if (config.max_ngrams > 0 && rows.size() - begin > config.max_ngrams) choose_some(rows, begin, text, config);
}

}  // namespace

std::vector<Bucket> build_buckets(std::span<const std::uint64_t> keys) {
  auto count = static_cast<std::size_t>(static_cast<double>(keys.size()) / (kFilling * Bucket::kSlots)) + 1;
  for (;; count += count / 8 + 1) {
    std::vector<Bucket> buckets(count, Bucket{});
    if (place(keys, buckets)) return buckets;
  }
}

Extraction extract(const Vocabulary& vocabulary, Texts texts, Texts pairs, const ExtractionConfig& config) {
  if (!pairs.empty() && pairs.size() != texts.size()) throw std::invalid_argument("each text needs its second text");
  const bool paired = !pairs.empty();
  const std::size_t segments = paired ? kParts : 1;
  const std::vector<Range> ranges = cut(texts, 1 << 16, 1024);
  Extraction result;
  result.parts.resize(ranges.size());
  result.offsets.resize(segments * texts.size() + 1);
  result.tokens.resize(texts.size());
  result.known.resize(texts.size());
  for_each_parallel(ranges.size(), config.threads, [&](std::size_t, std::size_t item) {
    std::vector<std::int64_t>& rows = result.parts[item];
    const auto record = [&](std::size_t text, const NgramFinder::Counts& counts) {
      result.tokens[text] = static_cast<std::int64_t>(counts.tokens);
      result.known[text] = static_cast<std::int64_t>(counts.known);
    };
    if (paired) {
      PairFinder find(vocabulary);
      std::vector<std::int64_t> marked;  // a row's number, and its part: what is drawn of them is drawn of all
      for (std::size_t text = ranges[item].begin; text < ranges[item].end; ++text) {
        record(text, find(texts[text], pairs[text], [](std::uint32_t) {}));
        marked.clear();
        for (const Part part : {kShared, kFirst, kSecond}) {
          for (const std::int64_t row : find.part(part)) marked.push_back(row * kMarks + part);
        }
        draw(marked, 0, text, config);
        for (const Part part : {kShared, kFirst, kSecond}) {
          const std::size_t begin = rows.size();
          for (const std::int64_t row : marked) {
            if (row % kMarks == part) rows.push_back(row / kMarks);
          }
          result.offsets[kParts * text + part + 1] = static_cast<std::int64_t>(rows.size() - begin);
        }
      }
      return;
    }
    NgramFinder find(vocabulary);
    RowSet met;
    for (std::size_t text = ranges[item].begin; text < ranges[item].end; ++text) {
      const std::size_t begin = rows.size();
      met.clear();
      record(text, find(texts[text], [&](std::uint32_t row) {
               if (met.insert(row)) rows.push_back(row);
             }));
      draw(rows, begin, text, config);
      result.offsets[text + 1] = static_cast<std::int64_t>(rows.size() - begin);
    }
  });
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  return result;
}

void Extraction::write(std::span<std::int64_t> rows, std::size_t threads) const {
  std::vector<std::size_t> begins(parts.size());
  for (std::size_t part = 1; part < parts.size(); ++part) begins[part] = begins[part - 1] + parts[part - 1].size();
  for_each_parallel(parts.size(), threads, [&](std::size_t, std::size_t part) {
    std::ranges::copy(parts[part], rows.subspan(begins[part]).begin());
  });
}

NgramStrings::NgramStrings(const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), strings_(vocabulary.rows()), taken_(vocabulary.rows()) {}

void NgramStrings::add(Texts texts, std::size_t threads) {
  const std::vector<Range> ranges = cut(texts, 1 << 16, 1024);
  for_each_parallel(ranges.size(), threads, [&](std::size_t, std::size_t item) {
    NgramFinder find(vocabulary_);
    for (std::size_t i = ranges[item].begin; i < ranges[item].end; ++i) {
      const std::string_view text = texts[i];
      find.of_tokens(text, [&](std::uint32_t row, const Token& first, const Token& last) {
        if (!take(row)) return;
        std::string& string = strings_[row];
        for (const Token* token = &first;; ++token) {  // the finder keeps a piece's tokens side by side
          if (token->begin == token->end) {
            string += token->hash == kBeginHash ? kBeginToken : kEndToken;
          } else {
            string += folded(text.substr(token->begin, token->end - token->begin));
          }
          if (token == &last) break;
          string += ' ';
        }
      });
      CharacterStream stream(text, vocabulary_.config());
      for (Token token; stream.next(token);) {
        const std::uint32_t row = vocabulary_.find(key_of(token.hash, 1));
        if (row != kNoRow && take(row)) strings_[row] = stream.string();
      }
    }
  });
}

std::size_t NgramStrings::missing() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(strings_, [](const std::string& string) { return string.empty(); }));
}

}  // namespace sparsedistill
