// Counts of n-grams on disk.
//
// A run is a file of counts in ascending order of their keys: for each n-gram its key and its count, 8 bytes each,
// little endian. Counts that do not fit into memory, and those of other processes, are runs; they are merged by adding
// the counts of equal keys. Errors of the disk are std::system_error, damaged runs std::invalid_argument.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vocabulary/ngram_count.hpp"

namespace sparsedistill {

static_assert(std::endian::native == std::endian::little, "runs are little endian");

// An open file.
class RunFile {
 public:
  // A new file without a name, which is gone when it is closed or the process ends.
  static RunFile temporary(const std::string& directory);
  // An existing run.
  static RunFile open(const std::string& path);
  // A file to write a run to; what it contains is lost.
  static RunFile create(const std::string& path);

  RunFile(RunFile&& other) noexcept;
  RunFile& operator=(RunFile&& other) noexcept;
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;
  ~RunFile();

  [[nodiscard]] int handle() const { return handle_; }

 private:
  explicit RunFile(int handle) : handle_(handle) {}
  int handle_ = -1;
};

// Appends counts to a file. They are in the file after finish().
class RunWriter {
 public:
  explicit RunWriter(RunFile& file) : file_(&file) { buffer_.reserve(kRecords); }
  void add(const NgramCount& count) {
    buffer_.push_back(count);
    if (buffer_.size() == kRecords) finish();
  }
  void finish();

 private:
  static constexpr std::size_t kRecords = std::size_t{1} << 16;
  RunFile* file_;
  std::vector<NgramCount> buffer_;
};

// Reads the counts of a file in their order, which it checks.
class RunReader {
 public:
  explicit RunReader(const RunFile& file, std::size_t records = std::size_t{1} << 13);
  // Steps to the next count; false at the end.
  bool next();
  [[nodiscard]] const NgramCount& current() const { return buffer_[at_]; }

 private:
  void fill();

  const RunFile* file_;
  std::size_t records_;
  std::vector<NgramCount> buffer_;
  std::size_t at_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t last_ = 0;
  bool begun_ = false;
};

// Counts in any number of runs. Runs are merged in groups, so that few files are open and few buffers are filled.
class CountRuns {
 public:
  // `directory` is where merged runs are.
  explicit CountRuns(std::string directory) : directory_(std::move(directory)) {}
  CountRuns(CountRuns&&) = default;
  CountRuns(const CountRuns&) = delete;
  CountRuns& operator=(CountRuns&&) = default;
  CountRuns& operator=(const CountRuns&) = delete;
  ~CountRuns() = default;

  [[nodiscard]] bool empty() const { return levels_.empty(); }

  void add(RunFile run, const Pause& pause);
  // Returns the `most` most frequent n-grams with a count of at least `least`, in the order of a Selection. The runs
  // are merged to one first.
  [[nodiscard]] std::vector<NgramCount> select(std::size_t most, std::uint64_t least, const Pause& pause);
  // Writes all counts to `file` as one run. Returns the number of n-grams.
  std::uint64_t write(RunFile file, const Pause& pause) const;

  static constexpr std::size_t kMostRuns = 64;  // of a level

 private:
  using Runs = std::vector<const RunFile*>;

  [[nodiscard]] Runs all() const;
  [[nodiscard]] RunFile merged(const Runs& runs, const Pause& pause) const;

  std::string directory_;
  std::vector<std::vector<RunFile>> levels_;  // each run of a level is kMostRuns of the one below
};

}  // namespace sparsedistill
