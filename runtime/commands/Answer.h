//===- Answer.h - what run generates, as it is shown --------------------------------------------------------------===//

#ifndef LRT_COMMANDS_ANSWER_H
#define LRT_COMMANDS_ANSWER_H

#include "runtime/commands/SamplingArguments.h"
#include "runtime/sampling/Likeliest.h"
#include "runtime/sampling/StopTexts.h"
#include "runtime/tokenizer/Text.h"

#include <optional>

namespace lrt {

enum class StopReason { None, End, Length, Text, Context, Interrupted };

struct Stop {
  StopReason reason = StopReason::None;
  int32_t id = -1;       // the token that was not put, if it was one that ended the answer
  std::string text = ""; // of StopReason::Text
};

enum class AnswerForm {
  Text, // streamed to stdout
  Ids,  // streamed to stdout
  Json, // kept until the end
};

/// Takes one token after the other and streams what is certain of them.
class Answer {
public:
  Answer(Text &text, AnswerForm form, std::vector<std::string> stops)
      : text(text), form(form), stopTexts(std::move(stops)) {}

  /// Sets `stop` when the token completes a text that ends the answer.
  bool put(int32_t token, std::optional<LogProbabilities> &&probabilities, std::string &error);

  /// What was held back, and a newline. Text ends with one only for people: a file holds what was generated and nothing
  /// else.
  bool finish(std::string &error);

  int64_t count() const { return int64_t(ids.size()); }

  /// One line for stderr.
  std::string timings(const lrt_program &program) const;

  /// One object on one line.
  std::string json(const lrt_program &program, const Sampling &sampling, bool withLogprobs) const;

  Stop stop;
  int64_t promptTokens = 0, promptRead = 0; // less was read when interrupted
  int64_t steps = 0;                        // decode steps; the first token comes with the prompt
  double promptSeconds = 0, seconds = 0;

private:
  bool show(std::string_view piece, std::string &error);
  void addLogprobs(class Json &json) const;

  Text &text;
  AnswerForm form;
  StopTexts stopTexts;
  std::string shown; // AnswerForm::Json
  std::vector<int32_t> ids;
  std::vector<LogProbabilities> probabilities; // one for each id, or none
};

} // namespace lrt

#endif // LRT_COMMANDS_ANSWER_H
