//===- Answer.h - the output of the run command -------------------------------------------------------------------===//

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
  int32_t id = -1;       // the token that ended the answer and is not part of it; -1: none
  std::string text = ""; // the stop text, for StopReason::Text
};

enum class AnswerForm {
  Text, // streamed to stdout
  Ids,  // streamed to stdout
  Json, // printed at the end
};

/// Collects the generated tokens one by one and streams their text. Text that may become part of a stop text and bytes
/// of an incomplete character are held back.
class Answer {
public:
  Answer(Text &text, AnswerForm form, std::vector<std::string> stops)
      : text(text), form(form), stopTexts(std::move(stops)) {}

  /// Adds one token. Sets `stop` when it completes a stop text.
  bool put(int32_t token, std::optional<LogProbabilities> &&probabilities, std::string &error);

  /// Writes the text still held back, then a newline. After text the newline is written only to a terminal: a file
  /// holds exactly what was generated.
  bool finish(std::string &error);

  int64_t count() const { return int64_t(ids.size()); }

  /// One line for stderr.
  std::string timings(const lrt_program &program) const;

  /// One object on one line.
  std::string json(const lrt_program &program, const Sampling &sampling, bool withLogprobs) const;

  Stop stop;
  int64_t promptTokens = 0, promptRead = 0; // promptRead < promptTokens when interrupted
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
