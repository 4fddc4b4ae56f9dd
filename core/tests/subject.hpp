// A student with random weights over the n-grams of hostile texts, trained and compact: what differential and thread
// tests ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compact/builder.hpp"
#include "compact/classifier.hpp"
#include "model/classifier.hpp"
#include "tests/check.hpp"

namespace sparsedistill::tests {

inline constexpr std::size_t kClasses = 3;

// Which form of the student is asked.
enum class Form : std::uint8_t { kTrained, kCompact };

class Subject {
 public:
  // Equal seeds make equal students, on every machine.
  Subject(std::uint64_t seed, bool pair, bool characters);
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  // A newly opened classifier of each form.
  class Opened {
   public:
    Opened(const Subject& subject, InstructionSet set);

    // The logits (texts x kClasses) and then the coverage (texts). The second texts of pairs are `texts`, reversed.
    [[nodiscard]] std::vector<float> ask(Form form, Texts texts, std::size_t threads) const;

   private:
    Classifier trained_;
    CompactClassifier compact_;
  };

 private:
  TokenizerConfig config_;
  std::vector<Bucket> buckets_;
  CompactBuild build_;
  std::vector<std::uint64_t> filter_;
  std::vector<float> table_;
  std::vector<std::vector<float>> weights_;
  std::vector<std::vector<float>> compact_weights_;
  std::optional<Vocabulary> vocabulary_;
  std::optional<CompactTable> compact_table_;
  Network network_;
  CompactNetwork compact_network_;
};

}  // namespace sparsedistill::tests
