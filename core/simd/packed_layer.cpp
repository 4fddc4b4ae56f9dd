#include "simd/packed_layer.hpp"

#include <algorithm>

#include "simd/float16.hpp"

namespace sparsedistill::simd {

PackedLayer::PackedLayer(std::span<const float> weight, std::span<const float> bias, std::size_t inputs)
    : bias_(padded(bias.size())) {
  std::copy(bias.begin(), bias.end(), bias_.begin());
  for (std::size_t begin = 0; begin < bias.size(); begin += kLanes) {
    const std::size_t lanes = std::min(kLanes, bias.size() - begin);
    const auto at = [&](std::size_t lane, std::size_t input) { return weight[(begin + lane) * inputs + input]; };
    const auto is_zero = [&](std::size_t input) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        if (at(lane, input) != 0.0F) return false;
      }
      return true;
    };
    std::size_t first = 0;
    std::size_t last = inputs;
    while (first < last && is_zero(first)) ++first;
    while (last > first && is_zero(last - 1)) --last;
    inputs_.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)});
    for (std::size_t input = first; input < last; ++input) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) weight_.push_back(lane < lanes ? at(lane, input) : 0.0F);
    }
  }
}

}  // namespace sparsedistill::simd
