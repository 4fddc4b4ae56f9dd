// Memory, files and clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "compact/layout.hpp"

namespace sparsedistill::roofline {

// Prints the message and exits.
[[noreturn]] void fail(const std::string& message);

// Zeroed, resident memory in small pages or, as far as the system provides them, in huge pages.
class Pages {
 public:
  Pages(std::size_t bytes, bool huge);
  Pages(std::span<const std::uint8_t> content, bool huge);
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();

  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] std::span<const Line> lines() const {
    return {reinterpret_cast<const Line*>(data_), bytes_ / kLineBytes};
  }

 private:
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

void write(const std::filesystem::path& path, const std::vector<float>& values);

// Something to measure.
struct Engine {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {};
};

// Runs the engines in turn, `rounds` times, and prints the processor time of each run. Each engine runs twice per turn,
// and the second run is measured: its data are then as close as they get, whichever engine ran before.
void measure(std::vector<Engine> engines, int rounds);

void print_count(const std::string& name, std::uint64_t count);

}  // namespace sparsedistill::roofline
