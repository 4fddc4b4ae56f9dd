// What all classifiers share: scoring texts in batches with several threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "support/parallel.hpp"
#include "support/require.hpp"

namespace sparsedistill {

// The share of known tokens; 0 for a text without tokens.
inline float coverage_of(std::uint64_t known, std::uint64_t tokens) {
  return tokens == 0 ? 0.0F : static_cast<float>(static_cast<double>(known) / static_cast<double>(tokens));
}

// Scores texts, or pairs, in batches, each with a worker of the pool. Writes the logits (texts x classes) and the
// coverage (texts). Throws std::invalid_argument unless `pairs` fits classifier.pair().
//
// A Worker is constructed from the classifier, and run(texts, pairs, logits, coverage) scores up to Worker::kBatch
// texts. The result for a text must depend only on the text.
template <class Classifier, class Worker>
void score_batches(const Classifier& classifier, WorkerPool<Worker>& pool, Texts texts, Texts pairs,
                   std::size_t threads, float* logits, float* coverage) {
  if (classifier.pair()) {
    require(pairs.size() == texts.size(), "the numbers of first and second texts differ");
  } else {
    require(pairs.empty(), "the student reads single texts, not pairs");
  }
  const std::vector<Range> ranges = cut(texts, 1 << 16, Worker::kBatch);
  threads = std::max<std::size_t>(1, std::min(threads, ranges.size()));
  std::vector<typename WorkerPool<Worker>::Lease> workers;
  workers.reserve(threads);
  for (std::size_t thread = 0; thread < threads; ++thread) {
    workers.push_back(pool.lease([&] { return std::make_unique<Worker>(classifier); }));
  }
  for_each_parallel(ranges.size(), threads, [&](std::size_t thread, std::size_t item) {
    const Range range = ranges[item];
    workers[thread]->run(texts.subspan(range.begin, range.size()),
                         classifier.pair() ? pairs.subspan(range.begin, range.size()) : pairs,
                         logits + range.begin * classifier.classes(), coverage + range.begin);
  });
}

}  // namespace sparsedistill
