//===- BenchTest.cpp - what bench prints, not how fast it is ------------------------------------------------------===//

#include "runtime/commands/CommandLine.h"

#include "FakeModel.h"
#include "Files.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lrt;

namespace {

struct Result {
  int status;
  std::string out, err;
};

Result bench(const lrt_program &program, std::vector<std::string> arguments) {
  TemporaryDirectory directory;
  std::string weights = directory.write("w", fake::weightsFile());
  arguments.insert(arguments.begin(), {"fake", "bench"});
  if (program.content_id[0] != 0)
    arguments.insert(arguments.end(), {"--weights", weights});
  std::vector<char *> argv;
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  std::string out = directory.path + "/out", err = directory.path + "/err";
  pid_t child = fork();
  if (child == 0) {
    dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), 1);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), 2);
    _exit(runCommandLine(program, int(argv.size()), argv.data()));
  }
  int status;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), contentsOf(out), contentsOf(err)};
}

/// The value of a key, as written.
std::string value(const std::string &json, const std::string &key) {
  size_t place = json.find("\"" + key + "\": ");
  if (place == std::string::npos)
    return "missing";
  place += key.size() + 4;
  return json.substr(place, json.find_first_of(",}", place) - place);
}

} // namespace

TEST(Bench, jsonHoldsWhatScriptsRelyOn) {
  Result result = bench(fake::program, {"-p", "10", "-n", "4", "--json", "--threads", "2"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  for (const char *key :
       {"prompt_tps", "decode_tps", "bytes_per_token", "weight_bytes", "read_GBps", "dot_Gops",
        "decode_percent_of_bandwidth", "prompt_percent_of_peak", "barriers_per_layer", "last_level_cache_bytes",
        "read_GBps_lowest", "read_GBps_median", "dot_Gops_lowest", "dot_Gops_median"})
    EXPECT_TRUE(isdigit((unsigned char)value(result.out, key)[0])) << key << " in " << result.out;
  EXPECT_EQ(value(result.out, "threads"), "2");
  EXPECT_EQ(value(result.out, "p"), "10");
  EXPECT_EQ(value(result.out, "n"), "4");
  EXPECT_EQ(value(result.out, "position"), "10");
  EXPECT_EQ(value(result.out, "weight_bytes"), "200");
  EXPECT_EQ(value(result.out, "bytes_per_token"), "250"); // 200 and 4 for each of 11, 12, 13, 14 positions
  EXPECT_EQ(value(result.out, "barriers_per_layer"), "2");
  EXPECT_EQ(value(result.out, "dot_kind"), "\"f32\"");
  EXPECT_EQ(result.out.find('\n'), result.out.size() - 1);
}

TEST(Bench, fillMovesThePosition) {
  Result result = bench(fake::program, {"--fill", "20", "-p", "0", "-n", "1", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(value(result.out, "position"), "20");
  EXPECT_EQ(value(result.out, "bytes_per_token"), "284"); // 21 positions
  EXPECT_EQ(value(result.out, "prompt_tps"), "null");
}

TEST(Bench, aWindowBoundsWhatIsRead) {
  lrt_program program = fake::program;
  std::vector<lrt_phase> phases(program.decode.phases, program.decode.phases + program.decode.num_phases);
  phases[1].window = 6;
  program.decode.phases = phases.data();
  EXPECT_EQ(value(bench(program, {"-p", "20", "-n", "1", "--json"}).out, "bytes_per_token"), "224");
}

TEST(Bench, aChunkBoundsWhatIsRead) {
  lrt_program program = fake::program;
  std::vector<lrt_phase> phases(program.decode.phases, program.decode.phases + program.decode.num_phases);
  phases[1].chunk = 6;
  program.decode.phases = phases.data();
  std::string out = bench(program, {"-p", "20", "-n", "1", "--json"}).out; // position 20 sees 18, 19 and 20
  EXPECT_EQ(value(out, "bytes_per_token"), "212");
  EXPECT_EQ(value(out, "cache_bytes_per_token"), "12");
}

TEST(Bench, aShortContextIsShared) {
  Result result = bench(fake::program, {"--json"});
  EXPECT_EQ(value(result.out, "p"), "30");
  EXPECT_EQ(value(result.out, "n"), "10");
}

TEST(Bench, aBareConfigRunsOnRandomWeights) {
  lrt_program program = fake::program;
  program.content_id[0] = program.content_id[1] = 0;
  EXPECT_EQ(bench(program, {"--random-weights", "3", "-n", "2"}).status, 0);
  Result result = bench(program, {});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err,
            "fake: compiled from a config without weights; only bench --random-weights SEED and info can run\n");
}

TEST(Bench, phasesAddUp) {
  Result result = bench(fake::program, {"--phases", "-p", "10", "-n", "4", "--json", "--threads", "2"});
  EXPECT_EQ(result.status, 0) << result.err;
  size_t decode = result.out.find("{\"entry\": \"decode\""), prefill = result.out.find("{\"entry\": \"prefill\"");
  ASSERT_NE(decode, std::string::npos) << result.out;
  ASSERT_NE(prefill, std::string::npos) << result.out;
  std::string step = result.out.substr(decode);
  EXPECT_EQ(value(step, "rows"), "1");
  EXPECT_EQ(value(step, "barriers"), "3");
  EXPECT_EQ(value(step, "weight_bytes"), "200");
  EXPECT_EQ(value(step, "bytes"), "250");   // as bytes_per_token
  EXPECT_EQ(value(step, "f32_ops"), "212"); // 4 * 50 and one for each of 11 .. 14 positions: 12.5, to even
  EXPECT_EQ(value(result.out.substr(prefill), "calls"), "2");
  EXPECT_EQ(value(result.out.substr(prefill), "rows"), "10");
  for (const char *phase : {"append", "sums", "logits"})
    EXPECT_EQ(value(step.substr(step.find("\"" + std::string(phase) + "\"")), "count"), "1");
}

TEST(Bench, aPromptsOperationsAreThoseOfPrefillsPhases) {
  lrt_program program = fake::program;
  std::vector<lrt_phase> phases(program.prefill.phases, program.prefill.phases + program.prefill.num_phases);
  phases[1].seen_ops[LRT_PEAK_F32] = 2000; // more than all others, less than a slow probe explains
  program.prefill.phases = phases.data();
  std::string out = bench(program, {"-p", "10", "-n", "1", "--json"}).out;
  auto numberOf = [&](const char *key) { return std::stod(value(out, key)); };
  double seconds = 10 / numberOf("prompt_tps"), peak = numberOf("dot_Gops") * 1e9;
  double expected = 55 * 2000 + 4 * fake::vocabulary; // rows see 1, 2, .. 10 positions, in two calls; and the head
  EXPECT_EQ(numberOf("prompt_ops"), expected);
  EXPECT_NEAR(numberOf("prompt_percent_of_peak"), 100 * expected / peak / seconds, 0.1) << out;
  EXPECT_EQ(value(out, "probe_disturbed"), "false");
}

TEST(Bench, moreThanTheProbeExplainsIsNoPercentage) {
  lrt_program program = fake::program;
  std::vector<lrt_phase> phases(program.prefill.phases, program.prefill.phases + program.prefill.num_phases);
  phases[1].seen_ops[LRT_PEAK_F32] = 1000000000;
  program.prefill.phases = phases.data();
  std::string out = bench(program, {"-p", "10", "-n", "1", "--json"}).out;
  EXPECT_EQ(value(out, "prompt_ops"), "55000000200");
  EXPECT_EQ(value(out, "prompt_percent_of_peak"), "null");
  EXPECT_EQ(value(out, "probe_disturbed"), "true");
  out = bench(program, {"-p", "10", "-n", "0"}).out;
  EXPECT_NE(out.find("tokens/s  the probe was disturbed   10 tokens"), std::string::npos) << out;
  EXPECT_NE(out.find("\nThe model was faster than the probe"), std::string::npos) << out;
}

TEST(Bench, whatLiesInACacheIsNoPercentageOfMemory) {
  lrt_program program = fake::program;
  std::vector<lrt_phase> phases(program.decode.phases, program.decode.phases + program.decode.num_phases);
  phases[2].weight_bytes = 1000000; // a part of any last-level cache, in a microsecond or two
  program.decode.phases = phases.data();
  std::string out = bench(program, {"-p", "0", "-n", "4", "--json"}).out;
  EXPECT_EQ(value(out, "decode_percent_of_bandwidth"), "null") << out;
  EXPECT_EQ(value(out, "decode_from_cache"), "true") << out;
  EXPECT_EQ(value(out, "probe_disturbed"), "false") << out;
  out = bench(program, {"-p", "0", "-n", "4"}).out;
  EXPECT_NE(out.find("tokens/s  partly from a cache"), std::string::npos) << out;
}

TEST(Bench, phasesAreATableOtherwise) {
  Result result = bench(fake::program, {"--phases", "-p", "3", "-n", "2", "--threads", "1"});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char *text : {"prefill: 3 rows at position 0", "decode: 1 row at position 3", "measured us", "\n  sums ",
                           "\n  logits ", "\n  sum "})
    EXPECT_NE(result.out.find(text), std::string::npos) << text << " in " << result.out;
  EXPECT_EQ(bench(fake::program, {"-p", "3", "-n", "2"}).out.find("measured us"), std::string::npos);
}

TEST(Bench, aPictureIsCompleteOrNotThere) {
  TemporaryDirectory directory;
  std::string picture = directory.path + "/phases.svg";
  Result result = bench(fake::program, {"--phases", "-p", "2", "-n", "1", "--svg", picture});
  EXPECT_EQ(result.status, 0) << result.err;
  std::string svg = contentsOf(picture);
  EXPECT_EQ(svg.rfind("<svg ", 0), 0u);
  EXPECT_EQ(svg.find("</svg>\n"), svg.size() - 7);
  // Early: before anything is measured.
  std::string nowhere = picture + "/x.svg";
  result = bench(fake::program, {"--phases", "--svg", nowhere});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "fake: " + nowhere + ": cannot create: Not a directory\n");
  EXPECT_EQ(result.out, "");
  result = bench(fake::program, {"--svg", picture});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "fake: bench: --svg draws the phases: expected --phases as well\n");
}

TEST(Bench, barriersThatAreNotDescribedAreRefused) {
  lrt_program program = fake::program;
  program.decode.num_order = 1;
  Result result = bench(program, {"--phases", "-p", "0", "-n", "1", "--json"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "fake: a call of decode has 2 barriers, but the program describes 1 phases\n");
}

TEST(Bench, whatTheContextCannotHoldIsRefused) {
  Result result = bench(fake::program, {"--fill", "30", "-p", "8", "-n", "3"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "fake: bench: 30 filled + 8 prompt + 3 generated positions, but the context holds 40\n");
}
