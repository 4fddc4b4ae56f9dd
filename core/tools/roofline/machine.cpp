#include "tools/roofline/machine.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "tools/roofline/stages.hpp"

namespace sparsedistill::roofline {

namespace {

constexpr std::size_t kHuge = std::size_t{1} << 21;

// The processor time of this thread, which excludes that of other processes.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

void fail(const std::string& message) {
  std::fprintf(stderr, "roofline: %s\n", message.c_str());
  std::exit(1);
}

Pages::Pages(std::size_t bytes, bool huge)
    : bytes_(bytes),
      mapped_((bytes + 2 * kHuge - 1) / kHuge * kHuge),
      map_(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
      data_(static_cast<std::uint8_t*>(map_) + (-reinterpret_cast<std::uintptr_t>(map_) & (kHuge - 1))) {
  if (map_ == MAP_FAILED) fail("not enough memory for " + std::to_string(bytes) + " bytes");
#ifdef MADV_HUGEPAGE
  madvise(map_, mapped_, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
  std::memset(data_, 0, bytes);
  keep(data_);
}

Pages::Pages(std::span<const std::uint8_t> content, bool huge) : Pages(content.size(), huge) {
  std::ranges::copy(content, data_);
}

Pages::~Pages() { munmap(map_, mapped_); }

void write(const std::filesystem::path& path, const std::vector<float>& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(sizeof(float) * values.size()));
  if (!file.flush()) fail(path.string() + " cannot be written");
}

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

void print_count(const std::string& name, std::uint64_t count) {
  std::printf("count %s %llu\n", name.c_str(), static_cast<unsigned long long>(count));
}

}  // namespace sparsedistill::roofline
