#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/check.hpp"
#include "text/ngrams.hpp"
#include "text/tokenizer.hpp"

namespace sparsedistill::tests {

namespace {

void test_tokens_are_within_their_text() {
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = hostile_text(random, 40);
    Tokenizer tokenizer(text);
    std::size_t last = 0;
    for (Token token{}; tokenizer.next(token);) {
      CHECK(last <= token.begin && token.begin < token.end && token.end <= text.size());
      last = token.end;
      const std::string_view span = std::string_view(text).substr(token.begin, token.end - token.begin);
      CHECK(hash_bytes(folded(span)) == token.hash);
      CHECK(token_string(text, token) == folded(span));
    }
  }
}

void test_words_are_composed() {
  CHECK(folded("e\xCC\x81") == "\xC3\xA9");
  CHECK(folded("E\xCC\x82\xCC\xA3") == "\xE1\xBB\x87");                     // marks out of order
  CHECK(folded("\xC3\xAA\xCC\xA3") == "\xE1\xBB\x87");                      // decomposed first
  CHECK(folded("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB") == "\xED\x95\x9C");  // Hangul
  CHECK(folded("\xE0\xA5\x98") == "\xE0\xA4\x95\xE0\xA4\xBC");              // never composed
  CHECK(folded("\xCC\x81") == "\xCC\x81");
}

void test_a_config_out_of_range_is_rejected() {
  const auto rejected = [](const TokenizerConfig& config) {
    return throws<std::invalid_argument>([&] { config.check(); });
  };
  CHECK(!rejected({1, false}));
  CHECK(!rejected({kMaxNgram, true, kLeastCharacters, kMostCharacters}));
  CHECK(rejected({0, false}));
  CHECK(rejected({kMaxNgram + 1, false}));
  CHECK(rejected({1, false, kLeastCharacters - 1, 4}));
  CHECK(rejected({1, false, 2, kMostCharacters + 1}));
  CHECK(rejected({1, false, 4, 3}));
}

}  // namespace

void test_text() {
  test_tokens_are_within_their_text();
  test_words_are_composed();
  test_a_config_out_of_range_is_rejected();
}

}  // namespace sparsedistill::tests
