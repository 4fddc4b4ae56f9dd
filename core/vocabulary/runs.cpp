#include "vocabulary/runs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include "support/require.hpp"
#include "vocabulary/selection.hpp"

namespace sparsedistill {

namespace {

constexpr std::size_t kBetweenPauses = std::size_t{1} << 20;  // records

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t total = a + b;
  return total < a ? std::numeric_limits<std::uint64_t>::max() : total;
}

// Calls visit(count) for each key of `runs`, with the sum of its counts.
template <class Visit>
void merge_runs(std::span<const RunFile* const> runs, const Visit& visit, const Pause& pause) {
  std::vector<RunReader> readers;
  readers.reserve(runs.size());
  std::vector<RunReader*> heap;  // the reader with the lowest key first
  for (const RunFile* run : runs) {
    readers.emplace_back(*run);
    if (readers.back().next()) heap.push_back(&readers.back());
  }
  const auto later = [](const RunReader* a, const RunReader* b) { return a->current().key > b->current().key; };
  std::ranges::make_heap(heap, later);
  std::size_t records = 0;
  while (!heap.empty()) {
    NgramCount count{heap.front()->current().key, 0};
    while (!heap.empty() && heap.front()->current().key == count.key) {
      std::ranges::pop_heap(heap, later);
      count.count = sum(count.count, heap.back()->current().count);
      if (heap.back()->next()) {
        std::ranges::push_heap(heap, later);
      } else {
        heap.pop_back();
      }
    }
    visit(count);
    if (++records % kBetweenPauses == 0) pause();
  }
}

}  // namespace

RunFile RunFile::temporary(const std::string& directory) {
  std::string path = directory + "/.counts-XXXXXX";
  const int handle = ::mkstemp(path.data());
  if (handle < 0) fail(directory);
  RunFile file(handle);
  if (::fcntl(handle, F_SETFD, FD_CLOEXEC) != 0) fail(path);
  if (::unlink(path.c_str()) != 0) fail(path);
  return file;
}

RunFile RunFile::open(const std::string& path) {
  const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (handle < 0) fail(path);
  return RunFile(handle);
}

RunFile RunFile::create(const std::string& path) {
  const int handle = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (handle < 0) fail(path);
  return RunFile(handle);
}

RunFile::RunFile(RunFile&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}

RunFile& RunFile::operator=(RunFile&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

RunFile::~RunFile() {
  if (handle_ >= 0) ::close(handle_);
}

void RunWriter::finish() {
  const auto* data = reinterpret_cast<const char*>(buffer_.data());
  std::size_t left = buffer_.size() * sizeof(NgramCount);
  while (left > 0) {
    const ssize_t written = ::write(file_->handle(), data, left);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("a run of counts");
    data += written;
    left -= static_cast<std::size_t>(written);
  }
  buffer_.clear();
}

RunReader::RunReader(const RunFile& file, std::size_t records) : file_(&file), records_(records) {}

bool RunReader::next() {
  if (at_ + 1 < buffer_.size()) {
    ++at_;
  } else {
    fill();
    if (buffer_.empty()) return false;
  }
  require(!begun_ || current().key > last_, "the counts are not in the order of their keys");
  require(current().count > 0, "an n-gram has a count of 0");
  begun_ = true;
  last_ = current().key;
  return true;
}

void RunReader::fill() {
  buffer_.resize(records_);
  at_ = 0;
  auto* data = reinterpret_cast<char*>(buffer_.data());
  const std::size_t wanted = records_ * sizeof(NgramCount);
  std::size_t filled = 0;
  while (filled < wanted) {
    const ssize_t got = ::pread(file_->handle(), data + filled, wanted - filled, static_cast<off_t>(offset_ + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("a run of counts");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  require(filled % sizeof(NgramCount) == 0, "the counts are cut off");
  offset_ += filled;
  buffer_.resize(filled / sizeof(NgramCount));
}

void CountRuns::add(RunFile run, const Pause& pause) {
  for (std::size_t level = 0;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    levels_[level].push_back(std::move(run));
    if (levels_[level].size() < kMostRuns) return;
    Runs runs;
    for (const RunFile& each : levels_[level]) runs.push_back(&each);
    run = merged(runs, pause);
    levels_[level].clear();
  }
}

CountRuns::Runs CountRuns::all() const {
  Runs runs;
  for (const auto& level : levels_) {
    for (const RunFile& run : level) runs.push_back(&run);
  }
  return runs;
}

RunFile CountRuns::merged(const Runs& runs, const Pause& pause) const {
  RunFile file = RunFile::temporary(directory_);
  RunWriter writer(file);
  merge_runs(runs, [&](const NgramCount& count) { writer.add(count); }, pause);
  writer.finish();
  return file;
}

std::vector<NgramCount> CountRuns::select(std::size_t most, std::uint64_t least, const Pause& pause) {
  if (const Runs runs = all(); runs.size() > 1) {
    RunFile one = merged(runs, pause);
    levels_.clear();
    levels_.emplace_back().push_back(std::move(one));
  }
  Selection selection(most, least);
  merge_runs(all(), [&](const NgramCount& count) { selection.count(count); }, pause);
  selection.choose();
  merge_runs(all(), [&](const NgramCount& count) { selection.take(count); }, pause);
  return selection.chosen();
}

std::uint64_t CountRuns::write(RunFile file, const Pause& pause) const {
  std::uint64_t ngrams = 0;
  RunWriter writer(file);
  const auto add = [&](const NgramCount& count) {
    writer.add(count);
    ++ngrams;
  };
  merge_runs(all(), add, pause);
  writer.finish();
  return ngrams;
}

}  // namespace sparsedistill
