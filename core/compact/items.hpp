// What a compact student reads of one text, item by item: for explanations. The kernel reads the same, much faster.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compact/network.hpp"
#include "compact/table.hpp"

namespace sparsedistill {

// A distinct n-gram of a text that is in the table, or a word that is not, of which character n-grams are.
struct Item {
  std::string name;  // its folded tokens with a space between
  bool unknown = false;
  std::vector<std::pair<std::size_t, std::size_t>> places;  // begin and end of each occurrence, in bytes
  std::vector<double> numbers;                              // of its row as the head reads it: network.dims()
};

// The items of a text, in the order of their first places; those with the same place by their number of tokens, unknown
// words last. In a table that is closed under prefixes, an n-gram whose prefix is missing is not looked up.
std::vector<Item> read_items(const CompactTable& table, const CompactNetwork& network, std::string_view text);

}  // namespace sparsedistill
