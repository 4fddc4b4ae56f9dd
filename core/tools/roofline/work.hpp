// The work that the kernel has to do for some texts, found one lookup at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "compact/table.hpp"
#include "simd/dispatch.hpp"
#include "support/parallel.hpp"

namespace sparsedistill::roofline {

struct Work {
  std::uint64_t tokens = 0;
  std::vector<std::uint32_t> lines;       // of each lookup, in the kernel's order within a text
  std::uint64_t lookups[kMaxNgram] = {};  // by order
  std::vector<std::uint32_t> hits;        // slots: line * kPlaces + place
  std::vector<std::size_t> hit_ends;      // by text
  std::vector<std::uint32_t> fresh;       // the distinct hits of each text
  std::vector<std::size_t> fresh_ends;    // by text
  std::vector<std::int64_t> sums;         // texts x row_bytes

  Work(const CompactTable& table, Texts texts);

  [[nodiscard]] std::size_t distinct_lines() const;

 private:
  void add(const CompactTable& table, std::string_view text, std::int64_t* sum);
  void hit(const CompactTable& table, std::uint64_t slot, bool first, std::int64_t* sum);
};

// The batches in which the classifier scores texts.
std::vector<Range> batches(Texts texts);

// Fails unless the kernel computes the same sums.
void check_sums(const CompactTable& table, Texts texts, InstructionSet set, const Work& work);

}  // namespace sparsedistill::roofline
