// Runs work on many texts with several threads. Results never depend on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sparsedistill {

using Texts = std::span<const std::string_view>;

// Half-open range of items.
struct Range {
  std::size_t begin;
  std::size_t end;
  [[nodiscard]] std::size_t size() const { return end - begin; }
};

// Splits `texts` into ranges of about `bytes` bytes each and at most `most` texts.
inline std::vector<Range> cut(Texts texts, std::size_t bytes, std::size_t most) {
  std::vector<Range> ranges;
  std::size_t begin = 0;
  std::size_t filled = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    filled += texts[i].size() + 16;
    if (filled >= bytes || i + 1 - begin >= most) {
      ranges.push_back({begin, i + 1});
      begin = i + 1;
      filled = 0;
    }
  }
  if (begin < texts.size()) ranges.push_back({begin, texts.size()});
  return ranges;
}

// Keeps workers between calls; each is used by one thread at a time.
template <class Worker>
class WorkerPool {
 public:
  // Returns its worker to the pool on destruction.
  class Lease {
   public:
    Lease(WorkerPool& pool, std::unique_ptr<Worker> worker) : pool_(&pool), worker_(std::move(worker)) {}
    Lease(Lease&&) noexcept = default;
    Lease(const Lease&) = delete;
    Lease& operator=(Lease&&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (worker_) pool_->give_back(std::move(worker_));
    }
    Worker& operator*() const { return *worker_; }
    Worker* operator->() const { return worker_.get(); }

   private:
    WorkerPool* pool_;
    std::unique_ptr<Worker> worker_;
  };

  // Leases an idle worker, or a new one from make() if all are in use.
  template <class Make>
  Lease lease(const Make& make) {
    if (const std::unique_lock lock = locked(); lock && !idle_.empty()) {
      std::unique_ptr<Worker> worker = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(worker));
    }
    return Lease(*this, make());
  }

 private:
  void give_back(std::unique_ptr<Worker> worker) {
    if (const std::unique_lock lock = locked(); lock) idle_.push_back(std::move(worker));
  }

  // The lock, which is held for some nanoseconds. If it cannot be had, a thread that does not exist holds it: the
  // process was forked while another thread had it. The child then does without the pool.
  std::unique_lock<std::mutex> locked() {
    std::unique_lock lock(mutex_, std::try_to_lock);
    for (int tries = 0; !lock && tries < kTries; ++tries) {
      std::this_thread::yield();
      (void)lock.try_lock();
    }
    return lock;
  }

  static constexpr int kTries = 1000;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_;
};

// Calls work(thread, item) for each item below `items`. Up to `threads` threads, including the caller, take the items
// in order; 0 threads count as 1. Rethrows the first exception.
template <class Work>
void for_each_parallel(std::size_t items, std::size_t threads, const Work& work) {
  threads = std::max<std::size_t>(1, std::min(threads, items));
  if (threads == 1) {
    for (std::size_t item = 0; item < items; ++item) work(std::size_t{0}, item);
    return;
  }
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&](std::size_t thread) {
    try {
      for (std::size_t item = 0; (item = next.fetch_add(1)) < items;) work(thread, item);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      next = items;
    }
  };
  {
    std::vector<std::thread> helpers;  // libc++ has no jthread
    helpers.reserve(threads - 1);
    try {
      for (std::size_t thread = 1; thread < threads; ++thread) helpers.emplace_back(run, thread);
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
      // The process may have no more threads, or memory for them: those that there are do the work.
    }
    run(0);
    for (std::thread& helper : helpers) helper.join();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace sparsedistill
