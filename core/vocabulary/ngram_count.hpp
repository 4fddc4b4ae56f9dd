// An n-gram and how often it occurs.
#pragma once

#include <cstdint>
#include <functional>

namespace sparsedistill {

struct NgramCount {
  std::uint64_t key;
  std::uint64_t count;
};
static_assert(sizeof(NgramCount) == 16);

using VisitCount = std::function<void(const NgramCount&)>;

// Called now and then during long work, which it can end by throwing.
using Pause = std::function<void()>;

}  // namespace sparsedistill
