// Where the time of the compact kernel goes, and what this machine can do at most. Run by
// benchmarks/roofline.py, which reads the seconds printed here and says what they mean.
//
//   roofline FOLDER SLOTS WIDE MAX_NGRAM BOUNDARIES CLOSED ROUNDS LARGE_BYTES
//
// FOLDER holds the texts and the arrays of a compact student, as benchmarks/roofline.py writes them; the
// logits are left there. The kernel's source is included, for its stages are not to be had otherwise.
#include <sys/mman.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <unordered_set>

#include "compact/classifier.hpp"
#include "compact/kernel.cpp"

namespace sparsedistill {

// Takes what `p` points to for used.
SPARSEDISTILL_INLINE void keep(const void* p) { asm volatile("" : : "r"(p) : "memory"); }

using AddRows = void (*)(const std::uint8_t* data, std::span<const std::uint32_t> slots, int times);

struct Stages {
  std::uint64_t (*characters)(const std::uint8_t* p, std::size_t size);
  std::uint64_t (*words)(const std::uint8_t* p, std::size_t size);
  std::uint64_t (*hash_all)(Texts texts, bool boundaries);
  std::uint64_t (*meet_all)(std::span<const std::uint32_t> hits, std::span<const std::size_t> ends);
  AddRows add_rows;
};

namespace compact_portable {
#include "roofline.inc"
}

#ifdef SPARSEDISTILL_X86
SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX2)
namespace compact_avx2 {
#include "roofline.inc"
}
SPARSEDISTILL_END_TARGET
SPARSEDISTILL_BEGIN_TARGET(SPARSEDISTILL_AVX512)
namespace compact_avx512 {
#include "roofline.inc"
}
SPARSEDISTILL_END_TARGET
#endif

#ifdef SPARSEDISTILL_NEON
namespace compact_neon {
#include "roofline.inc"
}
#endif

namespace {

Stages stages(InstructionSet instruction_set, int slots) {
  switch (instruction_set) {
#ifdef SPARSEDISTILL_X86
    case InstructionSet::kAvx2:
      return compact_avx2::stages(slots);
    case InstructionSet::kAvx512:
      return compact_avx512::stages(slots);
#endif
#ifdef SPARSEDISTILL_NEON
    case InstructionSet::kNeon:
      return compact_neon::stages(slots);
#endif
    default:
      return compact_portable::stages(slots);
  }
}

const char* name_of(InstructionSet instruction_set) {
  switch (instruction_set) {
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

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "roofline: %s\n", message.c_str());
  std::exit(1);
}

// ---- memory --------------------------------------------------------------------------------------

// Memory of zeros, all of it there, in small pages or (as far as the system has them) in huge ones.
class Pages {
 public:
  Pages(std::size_t bytes, bool huge) : bytes_(bytes), mapped_((bytes + 2 * kHuge - 1) / kHuge * kHuge) {
    map_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map_ == MAP_FAILED) fail("there is no memory for " + std::to_string(bytes) + " bytes");
    data_ = reinterpret_cast<std::uint8_t*>((reinterpret_cast<std::uintptr_t>(map_) + kHuge - 1) / kHuge * kHuge);
#ifdef MADV_HUGEPAGE
    madvise(map_, mapped_, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
    std::memset(data_, 0, bytes);
    keep(data_);
  }
  Pages(std::span<const std::uint8_t> content, bool huge) : Pages(content.size(), huge) {
    std::ranges::copy(content, data_);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { munmap(map_, mapped_); }

  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data_, bytes_}; }
  [[nodiscard]] std::uint64_t lines() const { return bytes_ / kLineBytes; }

 private:
  static constexpr std::size_t kHuge = std::size_t{1} << 21;

  std::size_t bytes_;
  std::size_t mapped_;
  void* map_;
  std::uint8_t* data_;
};

template <class T>
std::vector<T> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file || bytes.size() % sizeof(T) != 0) fail(path.string() + " cannot be read");
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void write(const std::filesystem::path& path, const std::vector<float>& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(sizeof(float) * values.size()));
  if (!file.flush()) fail(path.string() + " cannot be written");
}

// ---- limits --------------------------------------------------------------------------------------

std::uint64_t load64(const std::uint8_t* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// Read lines at random: kChains of them are under way at any time, for where a chain goes on depends on what
// it has read. (All lines are zeros, which the compiler does not know.)
template <int kChains>
std::uint64_t chase(const std::uint8_t* lines, std::uint64_t count, std::uint64_t reads) {
  std::uint64_t state[kChains];
  for (int chain = 0; chain < kChains; ++chain) state[chain] = kSeed1 * static_cast<std::uint64_t>(chain + 1);
  for (std::uint64_t i = 0; i < reads / kChains; ++i) {
#pragma GCC unroll 32
    for (int chain = 0; chain < kChains; ++chain) {
      const std::uint64_t next = state[chain] * 6364136223846793005 + 1442695040888963407;
      state[chain] = next + load64(lines + kLineBytes * line_of(next, count));
    }
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t one : state) sum += one;
  return sum;
}

using Chase = std::uint64_t (*)(const std::uint8_t*, std::uint64_t, std::uint64_t);
constexpr std::pair<int, Chase> kChases[] = {{1, chase<1>}, {2, chase<2>},   {4, chase<4>},
                                             {8, chase<8>}, {16, chase<16>}, {32, chase<32>}};
constexpr std::uint64_t kReads = std::uint64_t{1} << 20;

// Read the given lines, which are known beforehand and fetched `kAhead` before.
std::uint64_t read_lines(const std::uint8_t* data, std::span<const std::uint32_t> lines) {
  constexpr std::size_t kAhead = 32;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    __builtin_prefetch(data + kLineBytes * lines[std::min(i + kAhead, lines.size() - 1)]);
    sum += load64(data + kLineBytes * lines[i]);
  }
  return sum;
}

// ---- what the kernel has to do -------------------------------------------------------------------

// All look-ups of the texts, found the slow way, and what they found.
struct Work {
  std::uint64_t tokens = 0;
  std::vector<std::uint32_t> lines;        // of each look-up, in the kernel's order within a text
  std::uint64_t look_ups[kMaxNgram] = {};  // of each order
  std::vector<std::uint32_t> hits;         // slots: line * kPlaces + place
  std::vector<std::size_t> hit_ends;       // of each text
  std::vector<std::uint32_t> fresh;        // each once a text
  std::vector<std::size_t> fresh_ends;     // of each text
  std::vector<std::int64_t> sums;          // texts x row_bytes

  Work(const CompactTable& table, Texts texts) : sums(texts.size() * table.row_bytes()) {
    for (std::size_t text = 0; text < texts.size(); ++text) add(table, texts[text], &sums[text * table.row_bytes()]);
  }

  [[nodiscard]] std::size_t distinct_lines() const {
    return std::unordered_set<std::uint32_t>(lines.begin(), lines.end()).size();
  }

 private:
  void add(const CompactTable& table, std::string_view text, std::int64_t* sum) {
    std::vector<std::uint64_t> hashes;
    TokenStream stream(text, table.config());
    for (Token token; stream.next(token);) hashes.push_back(token.hash);
    tokens += hashes.size();
    std::vector<std::pair<std::uint64_t, std::size_t>> candidates;  // rolled, first token
    for (std::size_t start = 0; start < hashes.size(); ++start) candidates.emplace_back(hashes[start], start);
    std::unordered_set<std::uint64_t> met;
    for (int order = 1; order <= table.config().max_ngram; ++order) {
      std::vector<std::pair<std::uint64_t, std::size_t>> longer;
      look_ups[order - 1] += candidates.size();
      for (const auto& [rolled, start] : candidates) {
        const std::uint64_t key = key_of(rolled, order);
        lines.push_back(line_of(key, table.lines()));
        const std::size_t next = start + static_cast<std::size_t>(order);
        const std::uint64_t slot = table.find(key);
        if (slot != CompactTable::kNone) hit(table, slot, met.insert(slot).second, sum);
        if (next < hashes.size() && (followers(table, slot) & follower_bit(hashes[next])) != 0) {
          longer.emplace_back(roll(rolled, hashes[next]), start);
        }
      }
      candidates.swap(longer);
    }
    hit_ends.push_back(hits.size());
    fresh_ends.push_back(fresh.size());
  }

  void hit(const CompactTable& table, std::uint64_t slot, bool first, std::int64_t* sum) {
    const auto slots = static_cast<std::uint64_t>(table.slots());
    hits.push_back(static_cast<std::uint32_t>(slot / slots * CompactScratch::kPlaces + slot % slots));
    if (!first) return;
    fresh.push_back(hits.back());
    for (const std::int8_t number : table.row(slot)) *sum++ += number;
  }

  static std::uint32_t followers(const CompactTable& table, std::uint64_t slot) {
    if (slot == CompactTable::kNone) return table.closed() ? 0 : 0xFFFF;
    return table.followers(slot);
  }
};

// Call `use` with the ranges of texts that the classifier takes at once.
template <class Use>
void in_batches(Texts texts, Use&& use) {
  for (const Range range : cut(texts, 1 << 16, CompactScratch::kTexts / 2)) use(range);
}

void check_sums(const CompactTable& table, Texts texts, InstructionSet instruction_set, const Work& work) {
  CompactScratch scratch(table.row_bytes());
  const SumTexts sum = sum_texts(instruction_set, table);
  in_batches(texts, [&](Range range) {
    sum(table, &texts[range.begin], range.size(), false, scratch);
    for (std::size_t i = 0; i < range.size(); ++i) {
      const std::size_t text = range.begin + i;
      const std::size_t before = text == 0 ? 0 : work.fresh_ends[text - 1];
      if (scratch.counts[i].ngrams != work.fresh_ends[text] - before ||
          !std::equal(&scratch.sums[i * table.row_bytes()], &scratch.sums[(i + 1) * table.row_bytes()],
                      &work.sums[text * table.row_bytes()])) {
        fail("the kernel's sums are not those of its look-ups made one by one");
      }
    }
  });
}

// ---- measuring -----------------------------------------------------------------------------------

struct Engine {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {};
};

// Without the time that other processes had.
double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Run the engines in turn, and print the seconds of each. Each runs twice at its turn, and the second time is
// taken: its memory is as near as it can be then, whoever was on before it.
void measure(std::vector<Engine> engines, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (Engine& engine : engines) {
      engine.run();
      const double begin = processor_seconds();
      engine.run();
      engine.seconds.push_back(processor_seconds() - begin);
    }
  }
  for (const Engine& engine : engines) {
    std::printf("seconds %s", engine.name.c_str());
    for (const double seconds : engine.seconds) std::printf(" %.9f", seconds);
    std::printf("\n");
  }
}

void print_count(const char* name, std::uint64_t count) {
  std::printf("count %s %llu\n", name, static_cast<unsigned long long>(count));
}

void add_chases(std::vector<Engine>& engines, const std::string& name, const Pages& pages) {
  for (const auto& [chains, chase] : kChases) {
    engines.push_back({name + "/" + std::to_string(chains), [&pages, chase = chase] {
                         const std::uint64_t sum = chase(pages.data(), pages.lines(), kReads);
                         keep(&sum);
                       }});
  }
}

void measure_large(std::size_t bytes, const Stages& stage, int rounds) {
  for (const bool huge : {false, true}) {
    const Pages pages(bytes, huge);
    const std::string name = huge ? "huge" : "small";
    std::vector<Engine> engines;
    engines.push_back({"sequential/" + name, [&] {
                         const std::uint64_t sum = stage.words(pages.data(), pages.bytes().size());
                         keep(&sum);
                       }});
    add_chases(engines, "random/large/" + name, pages);
    measure(std::move(engines), rounds);
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

void measure_kernel(const Settings& settings, InstructionSet instruction_set, const Stages& stage) {
  const auto text_bytes = read<char>(settings.folder / "texts");
  const auto ends = read<std::uint64_t>(settings.folder / "ends");
  std::vector<std::string_view> views;
  std::size_t begin = 0;
  for (const std::uint64_t end : ends) {
    if (end < begin || end > text_bytes.size()) fail("the texts are cut off");
    views.emplace_back(text_bytes.data() + begin, end - begin);
    begin = end;
  }
  const Texts texts(views);

  const auto content = read<std::uint8_t>(settings.folder / "lines");
  const Pages small(content, false);
  const Pages huge(content, true);
  const auto table_of = [&](const Pages& pages, int max_ngram) {
    return CompactTable(pages.bytes(), settings.slots, {}, 0, {max_ngram, settings.tokenizer.boundaries},
                        settings.closed);
  };
  const int orders = settings.tokenizer.max_ngram;
  const CompactTable table = table_of(small, orders);
  const CompactTable huge_table = table_of(huge, orders);
  const Work work(table, texts);
  check_sums(table, texts, instruction_set, work);

  std::printf("path %s\n", name_of(instruction_set));
  print_count("texts", texts.size());
  print_count("bytes", text_bytes.size());
  print_count("tokens", work.tokens);
  for (int order = 1; order <= orders; ++order) {
    print_count(("look_ups/" + std::to_string(order)).c_str(), work.look_ups[order - 1]);
  }
  print_count("hits", work.hits.size());
  print_count("ngrams", work.fresh.size());
  print_count("distinct_lines", work.distinct_lines());
  print_count("reads", kReads);

  std::vector<Engine> engines;
  engines.push_back({"scan", [&] {
                       const std::uint64_t count = stage.characters(
                           reinterpret_cast<const std::uint8_t*>(text_bytes.data()), text_bytes.size());
                       keep(&count);
                     }});
  const Pages near_small(std::size_t{1} << 18, false);
  const Pages random_small(content.size(), false);
  const Pages random_huge(content.size(), true);
  add_chases(engines, "random/near/small", near_small);
  add_chases(engines, "random/table/small", random_small);
  add_chases(engines, "random/table/huge", random_huge);
  for (const Pages* pages : {&small, &huge}) {
    engines.push_back({pages == &small ? "lines/small" : "lines/huge", [&work, pages] {
                         const std::uint64_t sum = read_lines(pages->data(), work.lines);
                         keep(&sum);
                       }});
  }

  engines.push_back({"tokens", [&] {
                       const std::uint64_t tokens = stage.hash_all(texts, settings.tokenizer.boundaries);
                       if (tokens != work.tokens) fail("the kernel's tokens are not those of the tokenizer");
                     }});
  engines.push_back({"met", [&] {
                       if (stage.meet_all(work.hits, work.hit_ends) != work.fresh.size()) {
                         fail("n-grams are not met as often as they should be");
                       }
                     }});
  // The first time, rows come from anywhere; then they are near, as they are to the kernel that has just read
  // their lines.
  for (const int times : {1, 5}) {
    engines.push_back({"sums/" + std::to_string(times), [&, times] {
                         std::size_t begin = 0;
                         for (const std::size_t end : work.fresh_ends) {
                           stage.add_rows(small.data(), std::span(work.fresh).subspan(begin, end - begin), times);
                           begin = end;
                         }
                       }});
  }

  std::vector<CompactTable> tables;
  tables.reserve(static_cast<std::size_t>(orders) + 1);
  CompactScratch scratch(table.row_bytes());
  const auto add_kernel = [&](const std::string& name, const CompactTable& its) {
    engines.push_back({name, [&, sum = sum_texts(instruction_set, its), table = &its] {
                         in_batches(texts, [&](Range range) {
                           sum(*table, &texts[range.begin], range.size(), false, scratch);
                           keep(scratch.sums.data());
                         });
                       }});
  };
  for (int order = 1; order <= orders; ++order) {
    add_kernel("kernel/" + std::to_string(order), tables.emplace_back(table_of(small, order)));
  }
  add_kernel("kernel/huge", huge_table);

  const auto scale = read<float>(settings.folder / "scale");
  const auto centre = read<float>(settings.folder / "centre");
  const auto hidden_weight = read<float>(settings.folder / "hidden.weight");
  const auto hidden_bias = read<float>(settings.folder / "hidden.bias");
  const auto output_weight = read<float>(settings.folder / "output.weight");
  const auto output_bias = read<float>(settings.folder / "output.bias");
  const CompactNetwork network{
      settings.wide, scale, centre, {}, {hidden_weight, hidden_bias}, {output_weight, output_bias}};
  const CompactClassifier classifier(table, network, instruction_set);
  std::vector<float> logits(texts.size() * classifier.classes());
  std::vector<float> coverage(texts.size());
  const std::vector<std::string_view> empty(texts.size());
  std::vector<float> unused(logits.size());
  engines.push_back({"head", [&] { classifier(empty, {}, 1, unused.data(), coverage.data()); }});
  engines.push_back({"classifier", [&] { classifier(texts, {}, 1, logits.data(), coverage.data()); }});

  measure(std::move(engines), settings.rounds);
  write(settings.folder / "logits", logits);
  write(settings.folder / "coverage", coverage);
}

}  // namespace
}  // namespace sparsedistill

int main(int count, char** arguments) {
  using namespace sparsedistill;
  if (count != 9) fail("run benchmarks/roofline.py, which runs this");
  const auto number = [&](int i) { return std::strtoll(arguments[i], nullptr, 10); };
  const Settings settings{arguments[1],
                          static_cast<int>(number(2)),
                          static_cast<std::size_t>(number(3)),
                          {static_cast<int>(number(4)), number(5) != 0},
                          number(6) != 0,
                          static_cast<int>(number(7)),
                          static_cast<std::size_t>(number(8))};
  if (settings.slots < 1 || settings.slots > layout::kMostSlots) fail("a line has 1 to 10 slots");
  try {
    const InstructionSet instruction_set = available_instruction_sets().back();
    const Stages stage = stages(instruction_set, settings.slots);
    measure_large(settings.large, stage, settings.rounds);
    measure_kernel(settings, instruction_set, stage);
  } catch (const std::exception& error) {
    fail(error.what());
  }
}
