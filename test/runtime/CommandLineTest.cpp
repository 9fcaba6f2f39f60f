//===- CommandLineTest.cpp - the commands, from arguments to exit status ------------------------------------------===//

#include "runtime/commands/CommandLine.h"

#include "FakeModel.h"
#include "Files.h"
#include "lrt/version.h"
#include "runtime/cpu/FreeMemory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lrt;

namespace {

struct Result {
  int status; // of exit(); minus the signal's number
  std::string out, err;
};

/// How a warning begins: with the name of the process, which is this test's own.
std::string warningPrefix() { return std::string(program_invocation_short_name) + ": warning: "; }

/// The fake model as an executable called "fake": a forked process with its streams in files.
class CommandLine : public testing::Test {
protected:
  TemporaryDirectory directory;
  lrt_program program = fake::program;
  std::string weights = directory.write("fake.weights", fake::weightsFile());

  pid_t start(const std::vector<std::string> &arguments, int out) {
    pid_t child = fork();
    if (child != 0)
      return child;
    std::vector<std::string> words = {"/somewhere/fake"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char *> argv;
    for (std::string &word : words)
      argv.push_back(word.data());
    dup2(open((directory.path + "/in").c_str(), O_RDONLY | O_CREAT, 0600), 0);
    dup2(out, 1);
    dup2(open((directory.path + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    _exit(runCommandLine(program, int(argv.size()), argv.data()));
  }

  Result wait(pid_t child) {
    int status;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), contentsOf(directory.path + "/out"),
            contentsOf(directory.path + "/err")};
  }

  Result call(const std::vector<std::string> &arguments) {
    int out = open((directory.path + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = start(arguments, out);
    close(out);
    return wait(child);
  }

  /// With --weights.
  Result callWithWeights(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--weights", weights});
    return call(arguments);
  }

  /// Returns the only line of an error.
  std::string errorOf(const Result &result) {
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.rfind("fake: ", 0), 0u) << result.err;
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
    return result.err.size() < 7 ? "" : result.err.substr(6, result.err.size() - 7);
  }
};

std::string joined(const std::vector<int32_t> &tokens) {
  std::string text;
  for (int32_t token : tokens)
    text += (text.empty() ? "" : ",") + std::to_string(token);
  return text;
}

std::vector<int32_t> someTokens(int64_t count) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i)
    tokens.push_back(int32_t((i * 7 + 3) % fake::vocabulary));
  return tokens;
}

std::vector<float> readLogits(const std::string &path, int64_t rows) {
  std::string bytes = contentsOf(path);
  size_t size = size_t(rows * fake::vocabulary) * 4;
  std::vector<float> logits(bytes.size() < size ? 0 : size / 4);
  std::memcpy(logits.data(), bytes.data() + bytes.size() - logits.size() * 4, logits.size() * 4);
  return logits;
}

} // namespace

TEST_F(CommandLine, runGeneratesTheLikeliestTokens) {
  // One token is decoded; 8 fill a pass; 9 and 17 leave a pass of one row.
  for (int64_t count : {1, 2, 8, 9, 17}) {
    std::vector<int32_t> prompt = someTokens(count);
    Result result = callWithWeights({"run", "--tokens", joined(prompt), "-n", "12"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, joined(fake::greedy(prompt, 12)) + "\n");
    EXPECT_NE(result.err.find("stopped: -n 12\n"), std::string::npos) << result.err;
  }
}

TEST_F(CommandLine, anyNumberOfThreadsGivesTheSameTokens) {
  std::vector<int32_t> prompt = someTokens(11);
  for (const char *threads : {"1", "2", "3", "5"})
    EXPECT_EQ(callWithWeights({"run", "--tokens", joined(prompt), "-n", "9", "--threads", threads}).out,
              joined(fake::greedy(prompt, 9)) + "\n");
}

TEST_F(CommandLine, largePagesChangeNoResult) {
  std::vector<int32_t> prompt = someTokens(11);
  EXPECT_EQ(callWithWeights({"run", "--tokens", joined(prompt), "-n", "9", "--large-pages"}).out,
            joined(fake::greedy(prompt, 9)) + "\n");
}

TEST_F(CommandLine, runStopsWhenTheContextIsFull) {
  std::vector<int32_t> prompt = someTokens(38);
  Result result = callWithWeights({"run", "--tokens", joined(prompt)});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, joined(fake::greedy(prompt, 3)) + "\n"); // the last one need not be fed
  EXPECT_NE(result.err.find("stopped: the context of 40 is full\n"), std::string::npos) << result.err;
}

TEST_F(CommandLine, runOfNothingIsFine) {
  Result result = callWithWeights({"run", "--tokens", "1,2", "-n", "0"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "\n");
}

TEST_F(CommandLine, samplingIsRepeatable) {
  std::vector<std::string> arguments = {"run", "--tokens", "1", "-n", "20", "--temperature", "9", "--seed"};
  auto with = [&](const char *seed) {
    std::vector<std::string> all = arguments;
    all.push_back(seed);
    return callWithWeights(all).out;
  };
  EXPECT_EQ(with("5"), with("5"));
  EXPECT_NE(with("5"), with("6"));
}

TEST_F(CommandLine, runErrors) {
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", joined(someTokens(41))})),
            "the prompt has 41 tokens, but the context holds 40");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1,50"})),
            "--tokens: id 50 at position 2 is outside the vocabulary of 50");
  EXPECT_EQ(errorOf(callWithWeights({"run"})), "run: expected one of --prompt, --tokens, --tokens-file, found none");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1", "--prompt", "x"})),
            "run: expected one of --prompt, --tokens, --tokens-file, found --prompt and --tokens");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--prompt", "x"})), "this model has no tokenizer: give ids with --tokens");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1", "--chat"})),
            "run: --chat needs --prompt: ids are fed as they are");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1", "--logprobs", "2"})), "run: --logprobs needs --json");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1", "--stop", "x"})),
            "run: --stop needs the texts of a tokenizer: this model has none");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1", "--sampling", "user"})),
            "run: --sampling: expected model, found \"user\" (see fake run --help)");
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1", "--repeat-penalty", "0"})),
            "run: --repeat-penalty: expected a number from 0.01 to 100, found \"0\" (see fake run --help)");
  EXPECT_EQ(errorOf(call({"run", "--tokens", "1", "--foo"})), "run: unknown option --foo (see fake run --help)");
  EXPECT_EQ(errorOf(call({"run", "--tokens", "1", "--weights", "/nowhere"})),
            "/nowhere: cannot open the weights: No such file or directory");
}

TEST_F(CommandLine, logitsThatAreNotNumbersAreReported) {
  program.decode.run = [](const lrt_step *step, int64_t worker) {
    if (worker == 0)
      std::fill(step->logits, step->logits + fake::vocabulary, NAN);
  };
  EXPECT_EQ(callWithWeights({"run", "--tokens", "1"}).err, "fake: the logits at position 0 are not numbers\n");
}

TEST_F(CommandLine, aClosedPipeEndsEveryCommandAsSigpipeDoes) {
  for (std::vector<std::string> arguments : {std::vector<std::string>{"run", "--tokens", "1", "--weights", weights},
                                             {"run", "--tokens", "1", "--json", "--weights", weights},
                                             {"logits", "--tokens", "1", "--out", "/dev/stdout", "--weights", weights},
                                             {"info"},
                                             {"--version"},
                                             {"run", "--help"}}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    pid_t child = start(arguments, ends[1]);
    close(ends[1]);
    Result result = wait(child);
    EXPECT_EQ(result.status, -SIGPIPE) << arguments[0];
    EXPECT_EQ(result.err, "");
  }
}

TEST_F(CommandLine, interruptsEndRunAsTheirSignalsDoWithItsTimings) {
  program.decode.run = [](const lrt_step *step, int64_t worker) {
    if (worker == 0) {
      usleep(20'000);
      std::fill(step->logits, step->logits + fake::vocabulary, 0.0f);
    }
  };
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    pid_t child = start({"run", "--tokens", "1", "--weights", weights}, ends[1]);
    close(ends[1]);
    char first[2];
    ASSERT_EQ(read(ends[0], first, 1), 1);
    kill(child, signal);
    std::string out(1, first[0]);
    while (read(ends[0], first, 1) == 1)
      out += first[0];
    close(ends[0]);
    Result result = wait(child);
    EXPECT_EQ(result.status, -signal);
    EXPECT_NE(result.err.find("stopped: interrupted\n"), std::string::npos) << result.err;
    EXPECT_EQ(out.back(), '\n');
  }
}

// nohup ignores SIGHUP; a shell without job control ignores SIGINT in background jobs.
TEST_F(CommandLine, aSignalThatTheParentIgnoresStaysIgnored) {
  program.decode.run = [](const lrt_step *step, int64_t worker) {
    if (worker == 0)
      raise(SIGHUP);
  };
  auto before = std::signal(SIGHUP, SIG_IGN);
  Result result = callWithWeights({"run", "--tokens", "1", "-n", "3"});
  std::signal(SIGHUP, before);
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CommandLine, aPromptThatWasInterruptedCountsWhatWasRead) {
  program.prefill.run = [](const lrt_step *step, int64_t worker) {
    if (worker == 0)
      raise(SIGINT);
  };
  Result result = callWithWeights({"run", "--tokens", joined(someTokens(20)), "-n", "5"});
  EXPECT_EQ(result.status, -SIGINT);
  EXPECT_EQ(result.err.rfind("prompt: 8 of 20 tokens in ", 0), 0u) << result.err;
  EXPECT_EQ(result.err.find("generation"), std::string::npos);
  result = callWithWeights({"run", "--tokens", joined(someTokens(20)), "-n", "5", "--json"});
  EXPECT_EQ(result.status, -SIGINT);
  EXPECT_NE(result.out.find("\"ids\": [], \"stop_reason\": \"interrupted\", \"prompt_tokens\": 20"), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("\"prompt_tokens_read\": 8,"), std::string::npos) << result.out;
}

TEST_F(CommandLine, aSecondInterruptEndsAtOnce) {
  program.prefill.run = [](const lrt_step *step, int64_t worker) {
    if (worker == 0) {
      raise(SIGINT);
      raise(SIGTERM);
    }
  };
  Result result = callWithWeights({"run", "--tokens", joined(someTokens(20))});
  EXPECT_EQ(result.status, -SIGTERM);
  EXPECT_EQ(result.err, "");
}

TEST_F(CommandLine, interruptedLogitsLeaveNoFile) {
  program.prefill.run = [](const lrt_step *step, int64_t worker) {
    if (worker == 0)
      raise(SIGINT);
  };
  std::filesystem::create_directory(directory.path + "/out.d");
  Result result =
      callWithWeights({"logits", "--tokens", joined(someTokens(20)), "--out", directory.path + "/out.d/logits.npy"});
  EXPECT_EQ(result.status, -SIGINT);
  EXPECT_EQ(result.err, "fake: interrupted after 8 of 20 tokens\n");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path + "/out.d"));
}

TEST_F(CommandLine, timingsCountWhatWasGenerated) {
  std::string err = callWithWeights({"run", "--tokens", joined(someTokens(9)), "-n", "12"}).err;
  EXPECT_EQ(err.rfind("prompt: 9 tokens in ", 0), 0u) << err;
  EXPECT_NE(err.find("; generation: 12 tokens in "), std::string::npos) << err;
  EXPECT_NE(err.find(" tokens/s in 11 decode steps; stopped: -n 12\n"), std::string::npos) << err;
  err = callWithWeights({"run", "--tokens", "1", "-n", "2"}).err;
  EXPECT_NE(err.find(" tokens/s in 1 decode step; stopped: -n 2\n"), std::string::npos) << err;
}

TEST_F(CommandLine, jsonHoldsTheAnswerAndWhyItEnds) {
  std::vector<int32_t> prompt = someTokens(9), ids = fake::greedy(prompt, 3);
  Result result = callWithWeights({"run", "--tokens", joined(prompt), "-n", "3", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  std::string expected = "{\"model\": \"fake\", \"text\": null, \"ids\": [" + std::to_string(ids[0]) + ", " +
                         std::to_string(ids[1]) + ", " + std::to_string(ids[2]) +
                         "], \"stop_reason\": \"length\", \"prompt_tokens\": 9, \"generated_tokens\": 3, "
                         "\"sampling\": \"greedy\", \"timings\": {\"prompt_tokens_read\": 9, \"prompt_ms\": ";
  EXPECT_EQ(result.out.substr(0, expected.size()), expected);
  EXPECT_EQ(result.out.find('\n'), result.out.size() - 1);
  result = callWithWeights({"run", "--tokens", joined(someTokens(39)), "--json", "--temperature", "1", "--seed", "7"});
  for (const char *part : {"\"stop_reason\": \"context\"", "\"sampling\": \"temperature 1\", \"seed\": 7, "})
    EXPECT_NE(result.out.find(part), std::string::npos) << result.out;
}

TEST_F(CommandLine, logprobsAreOfTheModelsOwnDistribution) {
  std::vector<int32_t> prompt = someTokens(9);
  std::vector<float> logits = fake::logitsAfter(prompt);
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit));
  const int32_t best = fake::greedy(prompt, 1)[0];
  // The penalty makes another token the likeliest; the log probabilities are those before it.
  Result result = callWithWeights({"run", "--tokens", joined(prompt) + "," + std::to_string(best), "-n", "1", "--json",
                                   "--logprobs", "0", "--repeat-penalty", "50"});
  EXPECT_NE(result.out.find("\"logprobs\": [{\"id\": "), std::string::npos) << result.out;
  result = callWithWeights({"run", "--tokens", joined(prompt), "-n", "1", "--json", "--logprobs", "2", "--temperature",
                            "5", "--top-k", "1", "--seed", "1"});
  char expected[200];
  snprintf(expected, sizeof expected, "\"logprobs\": [{\"id\": %d, \"logprob\": ", best);
  size_t place = result.out.find(expected);
  ASSERT_NE(place, std::string::npos) << result.out;
  EXPECT_NEAR(std::stod(result.out.substr(place + strlen(expected))), double(logits[best]) - std::log(sum), 1e-4);
  EXPECT_NE(result.out.find("\"top\": [{\"id\": " + std::to_string(best) + ", "), std::string::npos) << result.out;
}

TEST_F(CommandLine, penaltiesCountThePromptAndTheAnswer) {
  // No token can occur twice: every token of the answer is new.
  Result result =
      callWithWeights({"run", "--tokens", "1,2,3", "-n", "30", "--repeat-penalty", "100", "--presence-penalty", "100"});
  std::vector<int32_t> ids;
  std::string error;
  result.out.pop_back();
  ASSERT_TRUE(parseTokens(result.out, fake::vocabulary, ids, error)) << error;
  ids.insert(ids.end(), {1, 2, 3});
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end()) << result.out;
}

TEST_F(CommandLine, optionsWithoutEffectAreSaid) {
  Result result = callWithWeights({"run", "--tokens", "1", "-n", "1", "--top-k", "3", "--seed", "1"});
  EXPECT_EQ(
      result.err.rfind("fake: --top-k, --seed: no effect at temperature 0, where the likeliest token is taken; see "
                       "--temperature\nprompt:",
                       0),
      0u)
      << result.err;
  result = callWithWeights({"run", "--tokens", "1", "-n", "1", "--min-p", "0.1", "--temperature", "1", "--seed", "1"});
  EXPECT_EQ(result.err.rfind("prompt:", 0), 0u) << result.err;
}

TEST_F(CommandLine, samplingOfTheModel) {
  const std::vector<std::string> arguments = {"run", "--tokens", "1", "-n", "3", "--sampling", "model", "--seed", "1"};
  Result result = callWithWeights(arguments);
  EXPECT_EQ(result.err.rfind("fake: --sampling model: this model's files name no sampling values\n", 0), 0u);
  program.sampling = {.origin = "generation_config.json",
                      .unfollowed = "typical_p, eta_cutoff",
                      .temperature = 0.6,
                      .top_k = 20,
                      .top_p = 0.95,
                      .min_p = 0,
                      .repeat_penalty = 1.05};
  result = callWithWeights(arguments);
  EXPECT_EQ(
      result.err.rfind("fake: --sampling model: temperature 0.6, top-k 20, top-p 0.95, repeat penalty 1.05 "
                       "(generation_config.json)\n"
                       "fake: --sampling model: generation_config.json also names typical_p, eta_cutoff, which is "
                       "not followed\n"
                       "prompt: ",
                       0),
      0u)
      << result.err;
  std::string same = callWithWeights({"run", "--tokens", "1", "-n", "3", "--temperature", "0.6", "--top-k", "20",
                                      "--top-p", "0.95", "--repeat-penalty", "1.05", "--seed", "1"})
                         .out;
  EXPECT_EQ(result.out, same);
  // Options beside it override its values; without it the values are not used.
  result = callWithWeights(
      {"run", "--tokens", "1", "-n", "3", "--sampling", "model", "--temperature", "0", "--repeat-penalty", "1"});
  EXPECT_EQ(result.out, joined(fake::greedy({1}, 3)) + "\n");
  EXPECT_EQ(callWithWeights({"run", "--tokens", "1", "-n", "3"}).out, joined(fake::greedy({1}, 3)) + "\n");
}

TEST_F(CommandLine, idsFromAFile) {
  std::vector<int32_t> prompt = someTokens(11);
  std::string file = directory.write("ids", joined(prompt) + "\n");
  EXPECT_EQ(callWithWeights({"run", "--tokens-file", file, "-n", "4"}).out, joined(fake::greedy(prompt, 4)) + "\n");
  directory.write("in", joined(prompt)); // stdin
  EXPECT_EQ(callWithWeights({"run", "--tokens-file", "-", "-n", "4"}).out, joined(fake::greedy(prompt, 4)) + "\n");
  std::string out = directory.path + "/logits.npy";
  EXPECT_EQ(callWithWeights({"logits", "--tokens-file", file, "--out", out}).status, 0);
  std::vector<float> logits = readLogits(out, 11), last = fake::logitsAfter(prompt);
  EXPECT_TRUE(std::equal(last.begin(), last.end(), logits.end() - int64_t(last.size())));
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens-file", directory.write("bad", "1 x")})),
            directory.path + "/bad: expected ids separated by commas or white space, found \"x\" at position 2");
}

TEST_F(CommandLine, progressIsShownOnATerminalAlone) {
  program.prefill.run = [](const lrt_step *step, int64_t worker) {
    if (worker == 0)
      usleep(150'000);
  };
  int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal) | unlockpt(terminal), 0);
  const std::string name = ptsname(terminal);
  const int other = open(name.c_str(), O_RDWR | O_NOCTTY);
  pid_t child = fork();
  if (child == 0) {
    dup2(open((directory.path + "/out").c_str(), O_WRONLY | O_CREAT, 0600), 1);
    dup2(other, 2);
    std::vector<std::string> words = {"fake", "run", "--tokens",  joined(someTokens(20)),
                                      "-n",   "1",   "--weights", weights};
    std::vector<char *> argv;
    for (std::string &word : words)
      argv.push_back(word.data());
    _exit(runCommandLine(program, int(argv.size()), argv.data()));
  }
  int status;
  waitpid(child, &status, 0);
  fcntl(terminal, F_SETFL, O_NONBLOCK);
  std::string err;
  char part[4096];
  for (ssize_t size; (size = read(terminal, part, sizeof part)) > 0;)
    err.append(part, size_t(size));
  close(other);
  close(terminal);
  EXPECT_EQ(
      err.rfind("\r\033[Kprompt: 0 of 20 tokens\r\033[Kprompt: 8 of 20 tokens\r\033[Kprompt: 16 of 20 tokens\r\033["
                "Kprompt: 20 tokens in ",
                0),
      0u)
      << err;
  EXPECT_EQ(callWithWeights({"run", "--tokens", joined(someTokens(20)), "-n", "1"}).err.find('\r'), std::string::npos);
}

TEST_F(CommandLine, versionSaysWhatMadeTheProgram) {
  Result result = call({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "fake (checksum), compiled for x86-64 by lathe " LATHE_VERSION ", ABI " +
                            std::to_string(LRT_ABI_VERSION) + "\n");
}

TEST_F(CommandLine, infoAsJson) {
  Result result = call({"info", "--json"}); // weights missing
  EXPECT_EQ(result.status, 0);
  for (const char *part :
       {"{\"model\": \"fake\", \"architecture\": \"checksum\", ", "\"vocabulary\": 50, \"context\": 40, ",
        "{\"name\": \"prefill\", \"rows\": 8}", "\"cpu_features\": [], ", "\"sampling\": null, ",
        "\"tokenizer\": null, \"chat_template\": null, ", "\"weights\": null, \"weights_problem\": \""})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " in " << result.out;
  program.sampling = {
      .origin = "here", .unfollowed = "", .temperature = 0.5, .top_k = 3, .top_p = 1, .min_p = 0, .repeat_penalty = 1};
  result = callWithWeights({"info", "--json", "--verify"});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char *part : {"\"sampling\": {\"origin\": \"here\", \"temperature\": 0.500000, \"top_k\": 3, ",
                           "\"tokenizer\": false, \"chat_template\": false, ", "\"weights_file_bytes\": 4296}"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " in " << result.out;
  EXPECT_EQ(errorOf(call({"info", "--json", "--weights", "/nowhere"})),
            "/nowhere: cannot open the weights: No such file or directory");
}

TEST_F(CommandLine, detokenizeErrors) {
  EXPECT_EQ(errorOf(callWithWeights({"detokenize"})),
            "detokenize: expected one of --tokens, --tokens-file, found none");
  EXPECT_EQ(errorOf(callWithWeights({"detokenize", "--tokens", "1"})), "this model has no tokenizer: ids have no text");
  EXPECT_EQ(errorOf(callWithWeights({"detokenize", "--tokens", "50"})),
            "--tokens: id 50 at position 1 is outside the vocabulary of 50");
}

TEST_F(CommandLine, logitsOfEveryPositionHoweverTheyAreFed) {
  std::vector<int32_t> tokens = someTokens(19), part;
  std::vector<float> expected;
  for (int32_t token : tokens) {
    part.push_back(token);
    for (float logit : fake::logitsAfter(part))
      expected.push_back(logit);
  }
  for (std::vector<std::string> chunk : {std::vector<std::string>{},
                                         {"--chunk", "1"},
                                         {"--chunk", "2"},
                                         {"--chunk", "5"},
                                         {"--chunk", "1000"},
                                         {"--chunk", "4,1,1"},
                                         {"--chunk", "1,1000"}}) {
    std::string out = directory.path + "/logits.npy";
    std::vector<std::string> arguments = {"logits", "--tokens", joined(tokens), "--out", out};
    arguments.insert(arguments.end(), chunk.begin(), chunk.end());
    Result result = callWithWeights(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out + result.err, "");
    EXPECT_EQ(readLogits(out, 19), expected);
    std::filesystem::remove(out);
  }
}

TEST_F(CommandLine, logitsErrors) {
  EXPECT_EQ(errorOf(callWithWeights({"logits", "--tokens", "1"})), "logits: expected --out FILE.npy, found none");
  EXPECT_EQ(errorOf(callWithWeights({"logits", "--out", "x"})),
            "logits: expected one of --tokens, --tokens-file, found none");
  EXPECT_EQ(errorOf(callWithWeights({"logits", "--tokens", joined(someTokens(41)), "--out", "x"})),
            "41 tokens, but the context holds 40");
  EXPECT_EQ(errorOf(callWithWeights({"logits", "--tokens", "1", "--out", weights + "/x"})),
            weights + "/x: cannot create: Not a directory");
  EXPECT_EQ(errorOf(callWithWeights({"logits", "--tokens", "1", "--out", "x", "--chunk", "0"})),
            "logits: --chunk: expected an integer of at least 1, found \"0\" (see fake logits --help)");
  EXPECT_EQ(errorOf(callWithWeights({"logits", "--tokens", "1", "--out", "x", "--chunk", "2,,1"})),
            "logits: --chunk: expected an integer of at least 1, found \"\" (see fake logits --help)");
}

TEST_F(CommandLine, tokensErrors) {
  EXPECT_EQ(errorOf(callWithWeights({"tokens"})), "tokens: expected one of --prompt, --file, found none");
  EXPECT_EQ(errorOf(callWithWeights({"tokens", "--file", "/nowhere"})),
            "/nowhere: cannot read: No such file or directory");
}

TEST_F(CommandLine, infoSaysWhatWasCompiled) {
  Result result = call({"info"}); // weights missing
  EXPECT_EQ(result.status, 0);
  for (const char *words : {"checksum", "vocabulary           50\n", "context              40\n", "up to 8 rows",
                            "ABI version", "cannot open the weights"})
    EXPECT_NE(result.out.find(words), std::string::npos) << words << " in " << result.out;
  EXPECT_EQ(callWithWeights({"info", "--verify"}).status, 0);
  EXPECT_EQ(call({"info", "--verify"}).status, 1);
  std::string damaged = fake::weightsFile();
  damaged[4200] ^= 1;
  directory.write("fake.weights", damaged);
  EXPECT_EQ(callWithWeights({"info"}).status, 0);
  EXPECT_EQ(callWithWeights({"info", "--verify"}).status, 1);
}

TEST_F(CommandLine, weightsAreFoundBesideTheExecutable) {
  std::string beside = executablePath() + ".weights";
  std::ofstream(beside, std::ios::binary) << fake::weightsFile();
  Result result = call({"run", "--tokens", "1,2", "-n", "3"});
  std::filesystem::remove(beside);
  EXPECT_EQ(result.out, joined(fake::greedy({1, 2}, 3)) + "\n") << result.err;
}

TEST_F(CommandLine, helpIsOnStdout) {
  for (std::vector<std::string> arguments : {std::vector<std::string>{"--help"},
                                             {"run", "--help"},
                                             {"logits", "--help"},
                                             {"tokens", "--help"},
                                             {"detokenize", "--help"},
                                             {"bench", "--help"},
                                             {"info", "--help"}}) {
    Result result = call(arguments);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_NE(result.out.find("examples:\n  fake "), std::string::npos) << result.out;
  }
}

TEST_F(CommandLine, unknownCommands) {
  EXPECT_EQ(errorOf(call({})), "expected a command: run, logits, tokens, detokenize, bench or info (see fake --help)");
  EXPECT_EQ(errorOf(call({"jump"})),
            "unknown command \"jump\": expected run, logits, tokens, detokenize, bench or info (see fake --help)");
  EXPECT_EQ(errorOf(call({"logit"})), "unknown command \"logit\": expected run, logits, tokens, "
                                      "detokenize, bench or info, did you mean logits? (see fake --help)");
}

TEST_F(CommandLine, aCpuThatLacksFeaturesIsToldFirst) {
  program.features = ~uint64_t(0);
  EXPECT_NE(errorOf(call({"--help"})).find("which the code compiled for --mcpu x86-64 uses"), std::string::npos);
}

TEST_F(CommandLine, moreThreadsThanCoresAreSaid) {
  const std::string few = callWithWeights({"run", "--tokens", "1", "-n", "1", "--threads", "1"}).err;
  EXPECT_EQ(few.find("warning"), std::string::npos) << few;
  Result result = callWithWeights({"run", "--tokens", "1", "-n", "1", "--threads", "2000"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err.rfind(warningPrefix() + "2000 threads, but this process may use ", 0), 0u) << result.err;
}

TEST_F(CommandLine, noOutputTakesThePlaceOfTheWeights) {
  const std::string before = contentsOf(weights), link = directory.path + "/link";
  std::filesystem::create_hard_link(weights, link);
  for (const std::string &out : {weights, link})
    EXPECT_EQ(errorOf(callWithWeights({"logits", "--tokens", "1", "--out", out})),
              out + ": cannot write: expected a file that this command does not read, found its input " + weights);
  EXPECT_EQ(errorOf(callWithWeights({"bench", "--phases", "--svg", weights, "-p", "1", "-n", "1"})),
            weights + ": cannot write: expected a file that this command does not read, found its input " + weights);
  EXPECT_EQ(contentsOf(weights), before);
}

TEST_F(CommandLine, tooLittleMemoryIsOneLine) {
  lrt_cache cache = program.caches[0];
  cache.bytes = program.cache_bytes = int64_t(1) << 45;
  cache.bytes_per_position = cache.bytes / cache.rows;
  program.caches = &cache;
  for (std::vector<std::string> arguments : {std::vector<std::string>{"run", "--tokens", "1,2"},
                                             {"run", "--tokens", "1,2", "-n", "4"},
                                             {"logits", "--tokens", "1,2", "--out", directory.path + "/x"},
                                             {"bench", "-p", "1", "-n", "1"},
                                             {"run", "--tokens", "1", "--large-pages"}}) {
    const std::string error = errorOf(callWithWeights(arguments));
    EXPECT_EQ(error.rfind("expected 35.2 TB of free memory (35.2 TB for caches), found ", 0), 0u) << error;
    EXPECT_NE(error.find("ask for fewer tokens or compile with a smaller --context"), std::string::npos) << error;
  }
  EXPECT_FALSE(std::filesystem::exists(directory.path + "/x"));
}

TEST_F(CommandLine, memoryForAPartOfTheContextIsSaid) {
  // A quarter of the 4000 positions fit; the answer may end before that.
  lrt_cache cache = program.caches[0];
  program.context = cache.rows = 4000;
  cache.bytes_per_position = availableMemory("") / 1000;
  cache.bytes = program.cache_bytes = cache.rows * cache.bytes_per_position;
  program.caches = &cache;
  Result result = callWithWeights({"run", "--tokens", "1,2"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err.rfind(warningPrefix() + "memory is free for ", 0), 0u) << result.err;
  EXPECT_NE(result.err.find(" of the context's 4000 positions: -n N stops an answer earlier\n"), std::string::npos);
  EXPECT_EQ(callWithWeights({"run", "--tokens", "1,2", "-n", "3"}).err.find("warning"), std::string::npos);
  EXPECT_EQ(errorOf(callWithWeights({"run", "--tokens", "1,2", "-n", "3990"})).rfind("expected ", 0), 0u);
}

TEST_F(CommandLine, aFullDiskIsOneLine) {
  int full = open("/dev/full", O_WRONLY);
  pid_t child = start({"info"}, full);
  close(full);
  EXPECT_EQ(errorOf(wait(child)), "cannot write to stdout: No space left on device");
}
