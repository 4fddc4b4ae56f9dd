#include "c/sparsedistill.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "compact/classifier.hpp"
#include "compact/items.hpp"
#include "compact/table.hpp"
#include "model/pairs.hpp"
#include "model/probabilities.hpp"
#include "simd/dispatch.hpp"
#include "support/require.hpp"
#include "text/ngrams.hpp"
#include "text/tokenizer.hpp"

namespace sparsedistill {

namespace {

constexpr std::uint64_t kMostUnits = std::uint64_t{1} << 20;  // dimensions, hidden units or outputs

// Without a destructor, which WebAssembly could not register.
thread_local char last_error[256];

void keep(const char* message) noexcept { std::snprintf(last_error, sizeof last_error, "%s", message); }

// Runs `work`. Returns 0, or 1 with the message of its exception kept.
template <class Work>
std::int32_t guarded(const Work& work) noexcept {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    keep(error.what());
  } catch (...) {
    keep("unknown error");
  }
  return 1;
}

// rows x columns. Throws std::invalid_argument if no array can have as many.
std::size_t product(std::uint64_t rows, std::uint64_t columns) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(std::uint64_t);
  require(columns == 0 || rows <= kMost / columns, "an array is too large");
  return static_cast<std::size_t>(rows * columns);
}

// Throws std::invalid_argument if `data` is null although there are numbers.
template <class T>
std::span<const T> view(const T* data, std::size_t count) {
  require(data != nullptr || count == 0, "an array is missing");
  return {data, count};
}

TokenizerConfig tokenizer_of(const sparsedistill_arrays& arrays) {
  const TokenizerConfig config = {arrays.max_ngram, arrays.boundaries != 0, arrays.min_characters,
                                  arrays.max_characters};
  config.check();
  return config;
}

// A number of dimensions, hidden units or outputs.
std::size_t checked_size(std::uint64_t count) {
  require(count <= kMostUnits, "a size is out of range");
  return static_cast<std::size_t>(count);
}

CompactTable table_of(const sparsedistill_arrays& arrays) {
  require(arrays.lines != nullptr, "an array is missing");
  const bool apart = arrays.rows != nullptr;
  const std::size_t bytes = apart ? checked_size(arrays.wide) + checked_size(arrays.dim) : 0;
  return {view_lines(arrays.lines, product(arrays.line_count, 1), 64),
          arrays.slots,
          view(arrays.rows, apart ? product(arrays.row_count, bytes) : 0),
          bytes,
          view(arrays.character_filter, product(arrays.filter_words, 1)),
          tokenizer_of(arrays),
          arrays.closed != 0};
}

CompactNetwork network_of(const sparsedistill_arrays& arrays) {
  const std::size_t dim = checked_size(arrays.dim);
  const std::size_t hidden = checked_size(arrays.hidden);
  const std::size_t outputs = checked_size(arrays.outputs);
  const std::size_t table_dim = checked_size(arrays.table_dim);
  const std::size_t features = table_dim > 0 ? pair_features(table_dim) : dim;
  return {checked_size(arrays.wide),
          view(arrays.scale, dim),
          view(arrays.centre, dim),
          view(arrays.basis, product(table_dim, dim)),
          {{view(arrays.hidden_weight, product(hidden, features)), view(arrays.hidden_bias, hidden)},
           {view(arrays.output_weight, product(outputs, hidden)), view(arrays.output_bias, outputs)}}};
}

std::vector<std::string_view> texts_of(const char* const* texts, const std::uint64_t* sizes, std::uint64_t count) {
  require(count == 0 || (texts != nullptr && sizes != nullptr), "the texts are missing");
  std::vector<std::string_view> views;
  views.reserve(product(count, 1));
  for (std::uint64_t i = 0; i < count; ++i) {
    require(texts[i] != nullptr || sizes[i] == 0, "a text is missing");
    views.emplace_back(texts[i] == nullptr ? "" : texts[i], product(sizes[i], 1));
  }
  return views;
}

}  // namespace

}  // namespace sparsedistill

struct sparsedistill_student {
  explicit sparsedistill_student(const sparsedistill_arrays& arrays)
      : table(sparsedistill::table_of(arrays)),
        classifier(table, sparsedistill::network_of(arrays), sparsedistill::best_instruction_set()) {}

  sparsedistill::CompactTable table;
  sparsedistill::CompactClassifier classifier;
};

int32_t sparsedistill_abi(void) { return SPARSEDISTILL_ABI; }

const char* sparsedistill_error(void) { return sparsedistill::last_error; }

int32_t sparsedistill_open(const sparsedistill_arrays* arrays, sparsedistill_student** student) {
  using sparsedistill::require;
  return sparsedistill::guarded([&] {
    require(student != nullptr, "there is no place for the student");
    *student = nullptr;
    require(arrays != nullptr && arrays->size == sizeof *arrays, "the arrays are of another version of the interface");
    *student = new sparsedistill_student(*arrays);
  });
}

void sparsedistill_close(sparsedistill_student* student) { delete student; }

int32_t sparsedistill_score(const sparsedistill_student* student, const char* const* texts, const uint64_t* sizes,
                            const char* const* text_pairs, const uint64_t* pair_sizes, uint64_t count, uint64_t threads,
                            float* logits, float* coverage) {
  using sparsedistill::require;
  return sparsedistill::guarded([&] {
    require(student != nullptr, "there is no student");
    require(count == 0 || (logits != nullptr && coverage != nullptr), "there is no place for the answers");
    require(threads > 0, "there must be a thread");
    const std::vector<std::string_view> first = sparsedistill::texts_of(texts, sizes, count);
    const std::vector<std::string_view> second =
        sparsedistill::texts_of(text_pairs, pair_sizes, text_pairs == nullptr ? 0 : count);
    student->classifier(first, second, static_cast<std::size_t>(threads), logits, coverage);
  });
}

int32_t sparsedistill_tokens(const char* text, uint64_t size, uint64_t* places, uint64_t capacity, uint64_t* count) {
  using sparsedistill::require;
  return sparsedistill::guarded([&] {
    require(count != nullptr && (places != nullptr || capacity == 0), "there is no place for the tokens");
    *count = 0;
    const std::vector<std::string_view> texts = sparsedistill::texts_of(&text, &size, 1);
    sparsedistill::Tokenizer tokenizer(texts.front());
    for (sparsedistill::Token token{}; tokenizer.next(token); ++*count) {
      if (*count >= capacity) continue;
      *places++ = token.begin;
      *places++ = token.end;
    }
  });
}

struct sparsedistill_items {
  struct Flat {
    sparsedistill::Item item;
    std::vector<uint64_t> places;
  };
  std::vector<Flat> items;
};

int32_t sparsedistill_read(const sparsedistill_student* student, const char* text, uint64_t size,
                           sparsedistill_items** items, uint64_t* count) {
  using sparsedistill::require;
  return sparsedistill::guarded([&] {
    require(items != nullptr && count != nullptr, "there is no place for the items");
    *items = nullptr;
    *count = 0;
    require(student != nullptr, "there is no student");
    const std::vector<std::string_view> texts = sparsedistill::texts_of(&text, &size, 1);
    auto found = std::make_unique<sparsedistill_items>();
    for (sparsedistill::Item& item : read_items(student->table, student->classifier.network(), texts.front())) {
      std::vector<uint64_t> places;
      for (const auto& [begin, end] : item.places) places.insert(places.end(), {begin, end});
      found->items.push_back({std::move(item), std::move(places)});
    }
    *count = found->items.size();
    *items = found.release();
  });
}

int32_t sparsedistill_get(const sparsedistill_items* items, uint64_t i, sparsedistill_item* item) {
  using sparsedistill::require;
  return sparsedistill::guarded([&] {
    require(item != nullptr && item->size == sizeof *item, "the item is of another version of the interface");
    require(items != nullptr && i < items->items.size(), "there is no such item");
    const auto& [found, places] = items->items[static_cast<std::size_t>(i)];
    item->name = found.name.data();
    item->name_size = found.name.size();
    item->unknown = found.unknown ? 1 : 0;
    item->reserved = 0;
    item->places = places.data();
    item->place_count = found.places.size();
    item->numbers = found.numbers.data();
  });
}

void sparsedistill_release(sparsedistill_items* items) { delete items; }

int32_t sparsedistill_probabilities(const float* logits, uint64_t rows, uint64_t classes, int32_t multi_label,
                                    float* probabilities) {
  using namespace sparsedistill;
  return guarded([&] {
    const std::size_t count = product(rows, classes);
    require(probabilities != nullptr || count == 0, "there is no place for the answers");
    compute_probabilities(view(logits, count), static_cast<std::size_t>(classes), multi_label != 0,
                          {probabilities, count});
  });
}
