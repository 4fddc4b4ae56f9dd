// The test framework: checks that count failures, random texts, and slow reference implementations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/ngrams.hpp"

namespace sparsedistill::tests {

inline int failures = 0;

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                                  \
    }                                                                              \
  } while (false)

// Whether work() throws an Exception.
template <class Exception, class Work>
bool throws(const Work& work) {
  try {
    work();
  } catch (const Exception&) {
    return true;
  }
  return false;
}

using Random = std::mt19937_64;

// A text of up to `longest` pieces at the edges of UTF-8 and of the tokenizer's rules, on the heap without slack.
std::string hostile_text(Random& random, std::size_t longest);
std::vector<std::string> hostile_texts(Random& random, std::size_t count, std::size_t longest);
std::vector<std::string_view> views_of(const std::vector<std::string>& texts);

// A random config, with or without boundaries and character n-grams.
TokenizerConfig random_config(Random& random);

// The keys of a text's character n-grams, computed from their definition.
std::vector<std::uint64_t> plain_characters(std::string_view text, const TokenizerConfig& config);

// A token of a text, and the keys of its character n-grams, computed from their definition.
struct PlainWord {
  std::uint64_t key;
  std::vector<std::uint64_t> characters;
};
std::vector<PlainWord> plain_words(std::string_view text, const TokenizerConfig& config);

// Distinct words whose keys begin with ten zero bits.
std::vector<std::string> crowded_words(std::size_t count);

// The hashes of a text's tokens.
std::vector<std::uint64_t> token_hashes(std::string_view text, const TokenizerConfig& config);

// The tests of each room.
void test_text();
void test_vocabulary();
void test_model();
void test_compact();
void test_support();

}  // namespace sparsedistill::tests
