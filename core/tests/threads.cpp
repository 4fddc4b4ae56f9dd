// 64 threads share students, and some of them open, close and fork: threads [ROUNDS]. It is built twice: with
// ThreadSanitizer, which looks for races, and without, where it forks.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/subject.hpp"

namespace {

using namespace sparsedistill;
using namespace sparsedistill::tests;

constexpr std::size_t kThreads = 64;

// The allocator of ThreadSanitizer keeps its locks over a fork: a child of many threads waits for one forever.
#ifdef __SANITIZE_THREAD__
constexpr bool kForks = false;
#else
constexpr bool kForks = true;
#endif

// Whether a process that is forked now answers the same.
bool forked_agrees(const Subject::Opened& shared, Form form, Texts texts, const std::vector<float>& answers) {
  const pid_t child = fork();
  if (child == 0) _exit(shared.ask(form, texts, 1) == answers ? 0 : 1);
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rounds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20;
  const Subject subject(1, /*pair=*/false, /*characters=*/true);
  const Subject::Opened shared(subject, best_instruction_set());
  Random random(2);
  const std::vector<std::string> texts = hostile_texts(random, 60, 30);
  const std::vector<std::string_view> views = views_of(texts);
  const std::vector<float> trained = shared.ask(Form::kTrained, views, 1);
  const std::vector<float> compact = shared.ask(Form::kCompact, views, 1);
  std::atomic<std::size_t> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::size_t round = 0; round < rounds; ++round) {
          const bool is_compact = (thread + round) % 2 == 0;
          const Form form = is_compact ? Form::kCompact : Form::kTrained;
          const std::vector<float>& answers = is_compact ? compact : trained;
          bool agrees = false;
          if (thread % 8 == 0 && round % 4 == 0) {
            const Subject::Opened own(subject, best_instruction_set());
            agrees = own.ask(form, views, 2) == answers;
          } else if (kForks && thread == 1 && round % 4 == 0) {
            agrees = forked_agrees(shared, form, views, answers);
          } else {
            agrees = shared.ask(form, views, 1 + thread % 3) == answers;
          }
          wrong += agrees ? 0 : 1;
        }
      });
    }
  }
  std::printf("%zu threads, %zu answers, %zu wrong\n", kThreads, kThreads * rounds, wrong.load());
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
