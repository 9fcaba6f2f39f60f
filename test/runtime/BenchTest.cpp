//===- BenchTest.cpp - what bench says, not how fast it is --------------------------------------------------------===//

#include "runtime/src/CommandLine.h"

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
        "decode_percent_of_bandwidth", "prompt_percent_of_peak", "barriers_per_layer", "last_level_cache_bytes"})
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
  lrt_cache cache = program.caches[0];
  cache.window = 6;
  program.caches = &cache;
  EXPECT_EQ(value(bench(program, {"-p", "20", "-n", "1", "--json"}).out, "bytes_per_token"), "224");
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

TEST(Bench, whatTheContextCannotHoldIsRefused) {
  Result result = bench(fake::program, {"--fill", "30", "-p", "8", "-n", "3"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "fake: bench: 30 filled + 8 prompt + 3 generated positions, but the context holds 40\n");
}
