// Compares the answers to hostile texts bit by bit over instruction sets, numbers of threads, and the other texts in a
// call: differential COUNT [SEED]. Prints a digest of the answers of the portable version, which is the same on every
// machine.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/subject.hpp"

namespace {

using namespace sparsedistill;
using namespace sparsedistill::tests;

constexpr std::size_t kBatch = 500;

std::uint64_t digest = 0;

// A part of answers as the answers to a part of the texts: `part` of `all` texts.
bool same_bits(const std::vector<float>& answers, std::size_t all, Range part, const std::vector<float>& found) {
  const std::size_t logits = part.size() * kClasses;
  return std::memcmp(&answers[part.begin * kClasses], found.data(), logits * sizeof(float)) == 0 &&
         std::memcmp(&answers[all * kClasses + part.begin], &found[logits], part.size() * sizeof(float)) == 0;
}

struct Student {
  std::unique_ptr<Subject> subject;
  bool pair;
  std::vector<std::unique_ptr<Subject::Opened>> opened;  // by instruction set, the portable one first

  Student(std::uint64_t seed, bool is_pair, bool characters)
      : subject(std::make_unique<Subject>(seed, is_pair, characters)), pair(is_pair) {
    for (const InstructionSet set : available_instruction_sets())
      opened.push_back(std::make_unique<Subject::Opened>(*subject, set));
  }

  // Returns the number of comparisons.
  std::size_t compare(Form form, Texts texts, Random& random) const {
    const std::vector<float> answers = opened.front()->ask(form, texts, 1);
    digest = multiply_fold(digest ^ kSeed0,
                           hash_bytes({reinterpret_cast<const char*>(answers.data()), answers.size() * sizeof(float)}));
    std::size_t compared = 0;
    for (const auto& one : opened) {
      for (const std::size_t threads : {1, 2, 5}) {
        CHECK(same_bits(answers, texts.size(), {0, texts.size()}, one->ask(form, texts, threads)));
        ++compared;
      }
      if (pair) continue;  // the second text of a pair depends on the part
      for (std::size_t begin = 0, end = 0; begin != texts.size(); begin = end) {
        end = std::min(texts.size(), begin + 1 + random() % 40);
        const Texts part = texts.subspan(begin, end - begin);
        CHECK(same_bits(answers, texts.size(), {begin, end}, one->ask(form, part, 1 + random() % 2)));
      }
      ++compared;
    }
    return compared;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  Random random(seed);
  std::vector<Student> students;
  for (const bool pair : {false, true}) {
    for (const bool characters : {false, true}) students.emplace_back(seed, pair, characters);
  }
  std::size_t asked = 0;
  std::size_t compared = 0;
  while (asked < count && failures == 0) {
    std::vector<std::string> texts = hostile_texts(random, kBatch, 30);
    texts[0] = hostile_text(random, 3000);
    const std::vector<std::string_view> views = views_of(texts);
    for (const Student& student : students) {
      for (const Form form : {Form::kTrained, Form::kCompact}) compared += student.compare(form, views, random);
    }
    asked += kBatch;
  }
  std::printf("%zu texts, 8 students, %zu comparisons, %d differences, digest %016llx\n", asked, compared * kBatch,
              failures, static_cast<unsigned long long>(digest));
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
