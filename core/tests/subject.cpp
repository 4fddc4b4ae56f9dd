#include "tests/subject.hpp"

#include <algorithm>

#include "vocabulary/counter.hpp"

namespace sparsedistill::tests {

namespace {

constexpr std::size_t kDim = 12;
constexpr std::size_t kHidden = 10;
constexpr int kSlots = 2;
constexpr std::size_t kWide = 2;

// From integers alone: distributions of the standard library differ between machines.
std::vector<float> draw(Random& random, std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<std::int64_t>(random() % 4001) - 2000) / 1024;
  return values;
}

}  // namespace

Subject::Subject(std::uint64_t seed, bool pair, bool characters)
    : config_{3, true, kLeastCharacters, characters ? 4 : 0} {
  Random random(seed);
  const std::vector<std::string> texts = hostile_texts(random, 3000, 40);
  Counter counter({config_, false, Counter::kLeastMemory, 1, {}});
  counter.add(views_of(texts));
  std::vector<std::uint64_t> keys;
  for (const NgramCount& entry : counter.select(5000, 2, [] {})) keys.push_back(entry.key);
  const auto rows = static_cast<std::uint32_t>(keys.size());
  buckets_ = build_buckets(keys);
  vocabulary_.emplace(buckets_, rows, config_, /*closed=*/true);
  table_ = draw(random, rows * kDim);
  const auto layers = [&](std::vector<std::vector<float>>& weights, std::size_t features) {
    for (const std::size_t size : {kHidden * features, kHidden, kClasses * kHidden, kClasses})
      weights.push_back(draw(random, size));
    return Head{{weights[0], weights[1]}, {weights[2], weights[3]}};
  };
  network_ = {table_, kDim, pair, {}};
  network_.head = layers(weights_, network_.features());

  const std::size_t bytes = layout::row_bytes(kSlots);
  std::vector<std::uint8_t> numbers(keys.size() * bytes);
  for (std::uint8_t& byte : numbers) byte = static_cast<std::uint8_t>(random());
  build_ = build_compact(keys, numbers, bytes, std::vector<std::uint16_t>(keys.size(), 0xFFFF), kSlots);
  if (characters) filter_ = filter_of(keys);
  compact_table_.emplace(build_.lines, kSlots, std::span<const std::int8_t>(), 0, filter_, config_, /*closed=*/true);
  const std::size_t dims = bytes - kWide;
  const std::size_t features = pair ? pair_features(kDim) : dims;
  const Head head = layers(compact_weights_, features);
  for (const std::size_t size : {dims, dims, pair ? kDim * dims : 0}) compact_weights_.push_back(draw(random, size));
  compact_network_ = {kWide, compact_weights_[4], compact_weights_[5], compact_weights_[6], head};
}

Subject::Opened::Opened(const Subject& subject, InstructionSet set)
    : trained_(*subject.vocabulary_, subject.network_, set),
      compact_(*subject.compact_table_, subject.compact_network_, set) {}

std::vector<float> Subject::Opened::ask(Form form, Texts texts, std::size_t threads) const {
  std::vector<float> answers(texts.size() * (kClasses + 1));
  const std::vector<std::string_view> reversed(texts.rbegin(), texts.rend());
  const Texts seconds = trained_.pair() ? Texts(reversed) : Texts();
  float* const coverage = answers.data() + texts.size() * kClasses;
  if (form == Form::kTrained) {
    trained_(texts, seconds, threads, answers.data(), coverage);
  } else {
    compact_(texts, seconds, threads, answers.data(), coverage);
  }
  return answers;
}

}  // namespace sparsedistill::tests
