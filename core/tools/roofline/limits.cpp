#include "tools/roofline/limits.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "text/hash.hpp"

namespace sparsedistill::roofline {

namespace {

std::uint64_t load64(const std::uint8_t* p) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// Reads random lines, kChains at a time: the next line of a chain depends on what it has read. (All lines are zeros,
// which the compiler does not know.)
template <int kChains>
std::uint64_t chase(const std::uint8_t* lines, std::uint64_t count, std::uint64_t reads) {
  std::uint64_t state[kChains];
  for (int chain = 0; chain < kChains; ++chain) state[chain] = kSeed1 * static_cast<std::uint64_t>(chain + 1);
  for (std::uint64_t i = 0; i < reads / kChains; ++i) {
#pragma GCC unroll 32
    for (int chain = 0; chain < kChains; ++chain) {
      const std::uint64_t next = state[chain] * 6364136223846793005 + 1442695040888963407;
      state[chain] = next + load64(lines + kLineBytes * line_of(next, static_cast<std::uint32_t>(count)));
    }
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t one : state) sum += one;
  return sum;
}

using Chase = std::uint64_t (*)(const std::uint8_t*, std::uint64_t, std::uint64_t);
constexpr std::pair<int, Chase> kChases[] = {{1, chase<1>}, {2, chase<2>},   {4, chase<4>},
                                             {8, chase<8>}, {16, chase<16>}, {32, chase<32>}};

}  // namespace

void add_chases(std::vector<Engine>& engines, const std::string& name, const Pages& pages) {
  for (const auto& [chains, chase] : kChases) {
    engines.push_back({name + "/" + std::to_string(chains), [&pages, chase = chase] {
                         const std::uint64_t sum = chase(pages.data(), pages.lines().size(), kReads);
                         keep(&sum);
                       }});
  }
}

std::uint64_t read_lines(const std::uint8_t* data, std::span<const std::uint32_t> lines) {
  constexpr std::size_t kAhead = 32;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    __builtin_prefetch(data + kLineBytes * lines[std::min(i + kAhead, lines.size() - 1)]);
    sum += load64(data + kLineBytes * lines[i]);
  }
  return sum;
}

void measure_large(std::size_t bytes, const Stages& stage, int rounds) {
  for (const bool huge : {false, true}) {
    const Pages pages(bytes, huge);
    const std::string name = huge ? "huge" : "small";
    std::vector<Engine> engines;
    engines.push_back({"sequential/" + name, [&] {
                         const std::uint64_t sum = stage.words(pages.data(), pages.size());
                         keep(&sum);
                       }});
    add_chases(engines, "random/large/" + name, pages);
    measure(std::move(engines), rounds);
  }
}

}  // namespace sparsedistill::roofline
