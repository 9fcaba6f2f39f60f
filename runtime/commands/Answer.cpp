//===- Answer.cpp - the output of the run command -----------------------------------------------------------------===//

#include "runtime/commands/Answer.h"

#include "runtime/commands/CommandLine.h"
#include "runtime/support/Json.h"

#include <unistd.h>

using namespace lrt;

bool Answer::show(std::string_view piece, std::string &error) {
  if (form == AnswerForm::Json)
    shown += piece;
  return form != AnswerForm::Text || piece.empty() || writeOutput(piece, error);
}

bool Answer::put(int32_t token, std::optional<LogProbabilities> &&probability, std::string &error) {
  if (form == AnswerForm::Ids && !writeOutput(format(ids.empty() ? "%d" : ",%d", token), error))
    return false;
  ids.push_back(token);
  if (probability)
    probabilities.push_back(std::move(*probability));
  const std::string piece = stopTexts.add(text.next(token));
  if (const std::string *found = stopTexts.found())
    stop = {.reason = StopReason::Text, .text = *found};
  return show(piece, error);
}

bool Answer::finish(std::string &error) {
  std::string end;
  if (!stopTexts.found()) {
    end = stopTexts.add(text.rest());
    end += stopTexts.flush();
  }
  if (!show(end, error))
    return false;
  const bool isLine = form == AnswerForm::Ids || (form == AnswerForm::Text && isatty(STDOUT_FILENO));
  return !isLine || writeOutput("\n", error);
}

static std::string describe(const Stop &stop, int64_t count, const lrt_program &program) {
  switch (stop.reason) {
  case StopReason::None:
    break;
  case StopReason::End:
    return format("end id %d", stop.id);
  case StopReason::Length:
    return format("-n %lld", (long long)count);
  case StopReason::Text:
    return "stop text " + quoted(stop.text);
  case StopReason::Context:
    return format("the context of %lld is full", (long long)program.context);
  case StopReason::Interrupted:
    return "interrupted";
  }
  return "";
}

/// "1 token", "12 tokens", "1 decode step".
static std::string counted(int64_t count, const char *what) {
  return format("%lld %s%s", (long long)count, what, count == 1 ? "" : "s");
}

static double rate(int64_t count, double seconds) { return seconds > 0 ? double(count) / seconds : 0; }

std::string Answer::timings(const lrt_program &program) const {
  std::string line = promptRead == promptTokens
                         ? "prompt: " + counted(promptTokens, "token")
                         : format("prompt: %lld of ", (long long)promptRead) + counted(promptTokens, "token");
  line += format(" in %.1f ms, %.1f tokens/s", promptSeconds * 1e3, rate(promptRead, promptSeconds));
  if (count() > 0)
    line += "; generation: " + counted(count(), "token") + format(" in %.1f ms", seconds * 1e3);
  if (steps > 0)
    line += format(", %.1f tokens/s in ", rate(steps, seconds)) + counted(steps, "decode step");
  return line + "; stopped: " + describe(stop, count(), program) + "\n";
}

void Answer::addLogprobs(Json &json) const {
  const auto add = [&](const LogProbability &probability) {
    json.integer("id", probability.token);
    if (text.hasText())
      json.text("text", text.piece(probability.token));
    json.number("logprob", probability.value, 6);
  };
  json.beginList("logprobs");
  for (const LogProbabilities &entry : probabilities) {
    json.beginObject();
    add(entry.chosen);
    json.beginList("top");
    for (const LogProbability &other : entry.best) {
      json.beginObject();
      add(other);
      json.end();
    }
    json.end();
    json.end();
  }
  json.end();
}

std::string Answer::json(const lrt_program &program, const Sampling &sampling, bool withLogprobs) const {
  static const char *const reasons[] = {"none", "end", "length", "stop", "context", "interrupted"};
  Json json;
  json.beginObject();
  json.text("model", program.model);
  if (text.hasText())
    json.text("text", shown);
  else
    json.null("text");
  json.beginList("ids");
  for (int32_t id : ids)
    json.integer(nullptr, id);
  json.end();
  if (withLogprobs)
    addLogprobs(json);
  json.text("stop_reason", reasons[int(stop.reason)]);
  if (stop.id >= 0)
    json.integer("stop_id", stop.id);
  if (stop.reason == StopReason::Text)
    json.text("stop_text", stop.text);
  json.integer("prompt_tokens", promptTokens);
  json.integer("generated_tokens", count());
  json.text("sampling", describe(sampling));
  if (!sampling.isGreedy())
    json.integer("seed", int64_t(sampling.sampler.seed));
  json.beginObject("timings");
  json.integer("prompt_tokens_read", promptRead);
  json.number("prompt_ms", promptSeconds * 1e3, 3);
  json.number("prompt_tps", rate(promptRead, promptSeconds), 2);
  json.integer("decode_steps", steps);
  json.number("decode_ms", seconds * 1e3, 3);
  json.number("decode_tps", rate(steps, seconds), 2);
  json.end();
  json.end();
  return json.str() + "\n";
}
