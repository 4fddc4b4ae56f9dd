// Measures the stages of the compact kernel, and the limits of this machine. Run by benchmarks/roofline.py, which reads
// the output and explains it.
//
//   roofline FOLDER SLOTS WIDE MAX_NGRAM BOUNDARIES CLOSED ROUNDS LARGE_BYTES
//
// FOLDER has the texts and the arrays of a compact student. The logits and the coverage are written to it.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "compact/classifier.hpp"
#include "compact/kernel.hpp"
#include "compact/table.hpp"
#include "tools/roofline/limits.hpp"
#include "tools/roofline/machine.hpp"
#include "tools/roofline/stages.hpp"
#include "tools/roofline/work.hpp"

namespace sparsedistill::roofline {

namespace {

const char* name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::kAvx2:
      return "AVX2";
    case InstructionSet::kAvx512:
      return "AVX-512";
    case InstructionSet::kNeon:
      return "NEON";
    default:
      return "portable";
  }
}

struct Settings {
  std::filesystem::path folder;
  int slots;
  std::size_t wide;
  TokenizerConfig tokenizer;
  bool closed;
  int rounds;
  std::size_t large;
};

// The texts of a folder.
struct Corpus {
  std::vector<char> bytes;
  std::vector<std::string_view> views;

  explicit Corpus(const std::filesystem::path& folder) : bytes(read<char>(folder / "texts")) {
    std::size_t begin = 0;
    for (const std::uint64_t end : read<std::uint64_t>(folder / "ends")) {
      if (end < begin || end > bytes.size()) fail("the texts are truncated");
      views.emplace_back(bytes.data() + begin, end - begin);
      begin = end;
    }
  }
};

// The student's weights, read from a folder.
struct Weights {
  std::vector<float> scale, centre, hidden_weight, hidden_bias, output_weight, output_bias;

  explicit Weights(const std::filesystem::path& folder)
      : scale(read<float>(folder / "scale")),
        centre(read<float>(folder / "centre")),
        hidden_weight(read<float>(folder / "hidden.weight")),
        hidden_bias(read<float>(folder / "hidden.bias")),
        output_weight(read<float>(folder / "output.weight")),
        output_bias(read<float>(folder / "output.bias")) {}

  [[nodiscard]] CompactNetwork network(std::size_t wide) const {
    return {wide, scale, centre, {}, {{hidden_weight, hidden_bias}, {output_weight, output_bias}}};
  }
};

// The measurements of the kernel and its stages over the texts and the table of a folder.
class KernelBenchmark {
 public:
  KernelBenchmark(const Settings& settings, InstructionSet set, const Stages& stage)
      : settings_(settings),
        set_(set),
        stage_(stage),
        corpus_(settings.folder),
        content_(read<std::uint8_t>(settings.folder / "lines")),
        small_(content_, false),
        huge_(content_, true),
        table_(table_of(small_, settings.tokenizer.max_ngram)),
        huge_table_(table_of(huge_, settings.tokenizer.max_ngram)),
        work_(table_, corpus_.views),
        near_(std::size_t{1} << 18, false),
        random_small_(content_.size(), false),
        random_huge_(content_.size(), true),
        scratch_(table_),
        weights_(settings.folder),
        classifier_(table_, weights_.network(settings.wide), set),
        logits_(corpus_.views.size() * classifier_.classes()),
        unused_logits_(logits_.size()),
        coverage_(corpus_.views.size()),
        empty_(corpus_.views.size()) {}

  void run() {
    check_sums(table_, corpus_.views, set_, work_);
    print_counts();
    add_limits();
    add_stages();
    add_kernels();
    engines_.push_back({"head", [&] { classifier_(empty_, {}, 1, unused_logits_.data(), coverage_.data()); }});
    engines_.push_back({"classifier", [&] { classifier_(corpus_.views, {}, 1, logits_.data(), coverage_.data()); }});
    measure(engines_, settings_.rounds);
    write(settings_.folder / "logits", logits_);
    write(settings_.folder / "coverage", coverage_);
  }

 private:
  [[nodiscard]] CompactTable table_of(const Pages& pages, int max_ngram) const {
    return {pages.lines(), settings_.slots, {}, 0, {}, {max_ngram, settings_.tokenizer.boundaries}, settings_.closed};
  }

  void print_counts() const {
    std::printf("path %s\n", name_of(set_));
    print_count("texts", corpus_.views.size());
    print_count("bytes", corpus_.bytes.size());
    print_count("tokens", work_.tokens);
    for (int order = 1; order <= settings_.tokenizer.max_ngram; ++order) {
      print_count("look_ups/" + std::to_string(order), work_.lookups[order - 1]);
    }
    print_count("hits", work_.hits.size());
    print_count("ngrams", work_.fresh.size());
    print_count("distinct_lines", work_.distinct_lines());
    print_count("reads", kReads);
  }

  void add_limits() {
    engines_.push_back({"scan", [&] {
                          const auto* bytes = reinterpret_cast<const std::uint8_t*>(corpus_.bytes.data());
                          const std::uint64_t count = stage_.characters(bytes, corpus_.bytes.size());
                          keep(&count);
                        }});
    add_chases(engines_, "random/near/small", near_);
    add_chases(engines_, "random/table/small", random_small_);
    add_chases(engines_, "random/table/huge", random_huge_);
    for (const Pages* pages : {&small_, &huge_}) {
      engines_.push_back({pages == &small_ ? "lines/small" : "lines/huge", [this, pages] {
                            const std::uint64_t sum = read_lines(pages->data(), work_.lines);
                            keep(&sum);
                          }});
    }
  }

  void add_stages() {
    engines_.push_back({"tokens", [&] {
                          const std::uint64_t tokens = stage_.hash_all(corpus_.views, settings_.tokenizer.boundaries);
                          if (tokens != work_.tokens) fail("the tokens of the kernel differ from the tokenizer's");
                        }});
    engines_.push_back({"met", [&] {
                          const std::uint64_t ngrams = stage_.deduplicate(work_.hits, work_.hit_ends);
                          if (ngrams != work_.fresh.size()) fail("the number of distinct n-grams is wrong");
                        }});
    // The rows are far the first time. Then they are near, as for the kernel, which has just read their lines.
    for (const int times : {1, 5}) {
      engines_.push_back({"sums/" + std::to_string(times), [this, times] {
                            std::size_t begin = 0;
                            for (const std::size_t end : work_.fresh_ends) {
                              const std::span<const std::uint32_t> fresh(work_.fresh);
                              stage_.add_rows(small_.data(), fresh.subspan(begin, end - begin), times);
                              begin = end;
                            }
                          }});
    }
  }

  void add_kernels() {
    tables_.reserve(static_cast<std::size_t>(settings_.tokenizer.max_ngram));  // engines keep pointers
    for (int order = 1; order <= settings_.tokenizer.max_ngram; ++order) {
      add_kernel("kernel/" + std::to_string(order), tables_.emplace_back(table_of(small_, order)));
    }
    add_kernel("kernel/huge", huge_table_);
  }

  void add_kernel(const std::string& name, const CompactTable& table) {
    engines_.push_back({name, [this, sum = sum_texts_kernel(set_, table), &table] {
                          for (const Range range : batches(corpus_.views)) {
                            sum(table, &corpus_.views[range.begin], range.size(), false, scratch_);
                            keep(scratch_.sums.data());
                          }
                        }});
  }

  Settings settings_;
  InstructionSet set_;
  Stages stage_;
  Corpus corpus_;
  std::vector<std::uint8_t> content_;
  Pages small_, huge_;
  CompactTable table_, huge_table_;
  Work work_;
  Pages near_, random_small_, random_huge_;
  CompactScratch scratch_;
  Weights weights_;
  CompactClassifier classifier_;
  std::vector<float> logits_, unused_logits_, coverage_;
  std::vector<std::string_view> empty_;
  std::vector<CompactTable> tables_;
  std::vector<Engine> engines_;
};

}  // namespace

}  // namespace sparsedistill::roofline

int main(int count, char** arguments) {
  using namespace sparsedistill;
  using namespace sparsedistill::roofline;
  if (count != 9) fail("run benchmarks/roofline.py, which runs this program");
  const auto number = [&](int i) { return std::strtoll(arguments[i], nullptr, 10); };
  const Settings settings{arguments[1],
                          static_cast<int>(number(2)),
                          static_cast<std::size_t>(number(3)),
                          {static_cast<int>(number(4)), number(5) != 0},
                          number(6) != 0,
                          static_cast<int>(number(7)),
                          static_cast<std::size_t>(number(8))};
  if (settings.slots < 1 || settings.slots > layout::kMostSlots) fail("a line must have 1 to 10 slots");
  try {
    settings.tokenizer.check();
    const InstructionSet set = best_instruction_set();
    const Stages stage = stages(set, settings.slots);
    measure_large(settings.large, stage, settings.rounds);
    KernelBenchmark(settings, set, stage).run();
  } catch (const std::exception& error) {
    fail(error.what());
  }
}
