//===- TwoModelsMain.cpp - two compiled models and one runtime in one process -------------------------------------===//
//
//   two-models IDS WEIGHTS LOGITS IDS WEIGHTS LOGITS
//
// Linked by TwoModelsTest.cpp. For each model: the logits of all ids, alone, go to the file LOGITS as float32. Then two
// sequences of each model, four in all, are fed step by step in turns; every step must give, bit by bit, what the same
// step gives where nothing else is open.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "runtime/commands/Options.h"
#include "runtime/engine/Sequence.h"
#include "runtime/support/OutputFile.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

extern "C" const lrt_program first_program, second_program;

using namespace lrt;

namespace {

using Tokens = std::vector<int32_t>;
using Logits = std::vector<float>;

[[noreturn]] void fail(const std::string &message) {
  fprintf(stderr, "two-models: %s\n", message.c_str());
  exit(1);
}

/// One engine for one model.
struct Model {
  Engine engine;
  Tokens ids, reversed;

  Model(const lrt_program &program, const char *idList, const char *weights) : engine(program) {
    std::string error;
    EngineOptions options;
    options.weights = weights;
    options.device.threads = 2;
    if (!checkProgram(program, error) || !parseTokens(idList, program.vocabulary, ids, error) ||
        !engine.open(options, error))
      fail(error);
    reversed.assign(ids.rbegin(), ids.rend());
  }
};

/// Tokens fed in steps of 3, 1, 1, 3, 1, 1 ...: prefill and decode in turns.
class Steps {
public:
  Steps(Engine &engine, const Tokens &tokens) : sequence(engine), tokens(tokens) {
    std::string error;
    if (!sequence.open(int64_t(tokens.size()), error))
      fail(error);
  }

  bool isDone() const { return sequence.position() == int64_t(tokens.size()); }

  /// The logits of the step's last token.
  Logits next() {
    const int64_t left = int64_t(tokens.size()) - sequence.position();
    const int64_t rows = count++ % 3 == 0 ? std::min<int64_t>(3, left) : 1;
    Logits logits(sequence.program().vocabulary);
    sequence.feed(tokens.data() + sequence.position(), rows, logits.data());
    return logits;
  }

private:
  Sequence sequence;
  const Tokens &tokens;
  int64_t count = 0;
};

/// The logits of every step where nothing else is open.
std::vector<Logits> alone(Engine &engine, const Tokens &tokens) {
  std::vector<Logits> all;
  for (Steps steps(engine, tokens); !steps.isDone();)
    all.push_back(steps.next());
  return all;
}

void writeLogits(Model &model, const char *path) {
  const lrt_program &program = model.engine.program;
  Sequence sequence(model.engine);
  OutputFile file;
  std::string error;
  if (!sequence.open(int64_t(model.ids.size()), error) || !file.open(path, error))
    fail(error);
  Logits logits(program.vocabulary);
  for (size_t done = 0, rows; done < model.ids.size(); done += rows) {
    rows = std::min(model.ids.size() - done, size_t(program.prefill.rows));
    sequence.prefill(model.ids.data() + done, int64_t(rows));
    for (size_t row = 0; row < rows; ++row) {
      sequence.logits(int64_t(row), 1, logits.data());
      if (!file.write(logits.data(), logits.size() * sizeof(float), error))
        fail(error);
    }
  }
  if (!file.finish(error))
    fail(error);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 7)
    fail("expected IDS WEIGHTS LOGITS, twice");
  Model first(first_program, argv[1], argv[2]), second(second_program, argv[4], argv[5]);
  writeLogits(first, argv[3]);
  writeLogits(second, argv[6]);

  struct Turn {
    const char *name;
    Steps steps;
    std::vector<Logits> expected;
    size_t step = 0;
  };
  std::vector<std::unique_ptr<Turn>> turns;
  for (Model *model : {&first, &second})
    for (const Tokens *tokens : {&model->ids, &model->reversed}) {
      std::vector<Logits> expected = alone(model->engine, *tokens);
      turns.emplace_back(new Turn{model->engine.program.model, Steps(model->engine, *tokens), std::move(expected)});
    }
  for (bool isAny = true; isAny;) {
    isAny = false;
    for (auto &turn : turns) {
      if (turn->steps.isDone())
        continue;
      isAny = true;
      if (turn->steps.next() != turn->expected[turn->step])
        fail(format("%s: step %zu differs from what it gives alone", turn->name, turn->step));
      ++turn->step;
    }
  }
  return 0;
}
