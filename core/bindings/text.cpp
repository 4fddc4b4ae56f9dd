// Bindings of core/text.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/rooms.hpp"
#include "bindings/texts.hpp"
#include "text/characters.hpp"
#include "text/ngrams.hpp"
#include "text/unicode.hpp"

namespace sparsedistill::bindings {

namespace {

using namespace nb::literals;

nb::list tokenize(nb::handle text, bool boundaries) {
  const nb::tuple strings = nb::make_tuple(nb::borrow(text));
  const StringTexts holder(strings);
  const std::string_view bytes = holder.texts().front();
  TokenStream stream(bytes, {1, boundaries});
  nb::list tokens;
  for (Token token{}; stream.next(token);) {
    tokens.append(nb::make_tuple(as_str(token_string(bytes, token)), token.begin, token.end));
  }
  return tokens;
}

nb::list characters(nb::handle text, const TokenizerConfig& config) {
  const nb::tuple strings = nb::make_tuple(nb::borrow(text));
  const StringTexts holder(strings);
  const std::string_view bytes = holder.texts().front();
  Tokenizer tokenizer(bytes);
  WordCharacters word(config);
  nb::list ngrams;
  for (Token token{}; config.characters() && tokenizer.next(token);) {
    word.read(bytes.substr(token.begin, token.end - token.begin));
    word.for_each([&](std::uint64_t, std::size_t begin, std::size_t length) {
      ngrams.append(nb::make_tuple(as_str(word.string(begin, length)), token.begin, token.end));
    });
  }
  return ngrams;
}

void bind_tokenizer(nb::module_& m) {
  nb::class_<TokenizerConfig>(m, "TokenizerConfig", "The n-grams that are read from texts.")
      .def(
          "__init__",
          [](TokenizerConfig* self, int max_ngram, bool boundaries, int min_characters, int max_characters) {
            const TokenizerConfig config = {max_ngram, boundaries, min_characters, max_characters};
            config.check();
            new (self) TokenizerConfig(config);
          },
          "max_ngram"_a, "boundaries"_a, "min_characters"_a = TokenizerConfig{}.min_characters, "max_characters"_a = 0)
      .def_prop_ro("most_ngrams", &TokenizerConfig::most_ngrams, "Upper bound on the n-grams per byte of text.");
  m.def("characters", &characters, "text"_a, "tokenizer"_a,
        "The character n-grams of a text, as (n-gram, begin, end): the span of its word in bytes of UTF-8.");
  m.def("tokenize", &tokenize, "text"_a, "boundaries"_a = false,
        "The tokens of a text, as (folded token, begin, end): its span in bytes of UTF-8.");
  m.def(
      "keys_of", [](const std::vector<std::string>& ngrams) { return copied(keys_of_ngrams(ngrams)); }, "ngrams"_a,
      "The keys of n-grams given as folded tokens separated by spaces, uint64 (n,).");
}

void bind_texts(nb::module_& m) {
  nb::class_<ArrowTexts>(m, "ArrowTexts", "Texts in the Arrow layout, used in place.")
      .def(nb::init<Array1<std::uint8_t>, const nb::ndarray<nb::numpy, nb::ro, nb::ndim<1>, nb::c_contig>&>(), "data"_a,
           "offsets"_a)
      .def("__len__", [](const ArrowTexts& texts) { return texts.texts().size(); })
      .def(
          "__getitem__",
          [](const ArrowTexts& texts, const nb::slice& slice) {
            const auto [begin, end, step, count] = slice.compute(texts.texts().size());
            if (step != 1) throw nb::value_error("texts cannot be sliced in steps other than 1");
            return texts.slice(static_cast<std::size_t>(begin), count);
          },
          "part"_a, "A slice of the texts, over the same buffer.")
      .def(
          "sizes",
          [](const ArrowTexts& texts) {
            std::vector<std::int64_t> sizes(texts.texts().size());
            std::ranges::transform(texts.texts(), sizes.begin(),
                                   [](std::string_view text) { return static_cast<std::int64_t>(text.size()); });
            return copied(sizes);
          },
          "The size of each text in bytes, int64 (n,).");
}

}  // namespace

void bind_text(nb::module_& m) {
  m.attr("UNICODE_VERSION") = kUnicodeVersion;
  m.attr("TOKENIZER_VERSION") = kTokenizerVersion;
  m.attr("MAX_NGRAM") = kMaxNgram;
  m.attr("LEAST_CHARACTERS") = kLeastCharacters;
  m.attr("MOST_CHARACTERS") = kMostCharacters;
  bind_tokenizer(m);
  bind_texts(m);
}

}  // namespace sparsedistill::bindings
