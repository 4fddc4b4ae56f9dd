// What the machine can do at most: sequential and random reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/roofline/machine.hpp"
#include "tools/roofline/stages.hpp"

namespace sparsedistill::roofline {

inline constexpr std::uint64_t kReads = std::uint64_t{1} << 20;  // by each engine of add_chases

// Adds engines that read random lines of `pages`, with 1 to 32 reads in flight. `pages` must outlive them.
void add_chases(std::vector<Engine>& engines, const std::string& name, const Pages& pages);

// Reads lines in a known order, prefetched.
std::uint64_t read_lines(const std::uint8_t* data, std::span<const std::uint32_t> lines);

// Measures reads of `bytes` bytes, more than any cache holds.
void measure_large(std::size_t bytes, const Stages& stage, int rounds);

}  // namespace sparsedistill::roofline
