//===- FakeCudaTest.cpp - a host program on the fake libcuda.so.1 -------------------------------------------------===//

#include "Simulator.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <sys/wait.h>

namespace {

/// The output of the program, stdout and stderr, followed by its exit status.
std::string run(const std::string &mode, const std::string &environment = "") {
  std::string command = environment + " LD_LIBRARY_PATH=" PTXSIM_LIBRARY " " PTXSIM_HOST " " + mode + " 2>&1";
  FILE *pipe = popen(command.c_str(), "r");
  std::string text;
  for (int c; (c = fgetc(pipe)) != EOF;)
    text += char(c);
  int status = pclose(pipe);
  return text + "status " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

const char *const kGood =
    "driver 13000, 4 processors, cuMemAlloc found\n8 blocks per processor, time passed, mapped 15\nstatus 0";

TEST(FakeCuda, RunsAHostProgram) {
  EXPECT_EQ(run(""), kGood);
  EXPECT_EQ(run("ordinary"), kGood);
  EXPECT_EQ(run("", "PTXSIM_SEED=5 PTXSIM_CHECK=all"), kGood);
  EXPECT_CONTAINS(run("", "PTXSIM_SMS=2 PTXSIM_DRIVER_VERSION=12020"), "driver 12020, 2 processors");
}

TEST(FakeCuda, FailsTheLaunchThatBreaksARule) {
  EXPECT_EQ(run("out-of-bounds"), "driver 13000, 4 processors, cuMemAlloc found\n"
                                  "ptxsim: kernel scale block (3,0,0) thread (232,0,0) line 14: ld.global.f32 %r6, "
                                  "[%rd3]; ld.global.f32 %r7, [factor]; "
                                  "mul.rn.f32 %r6, %r6, %r7: reads 4 bytes outside of every allocation: 0x7000210a0 "
                                  "(byte 4000 of allocation 1, 4000 bytes "
                                  "at 0x700020100)\n"
                                  "cuEventRecord: CUDA_ERROR_LAUNCH_FAILED (unspecified launch failure)\nstatus 1");
  EXPECT_CONTAINS(run("host-pointer"), "(no address of the device)\ncuEventRecord: CUDA_ERROR_LAUNCH_FAILED");
}

TEST(FakeCuda, ADevicePointerIsNoHostPointer) { EXPECT_CONTAINS(run("host-reads-device"), "status 139"); }

TEST(FakeCuda, RefusesWhatADriverRefuses) {
  EXPECT_CONTAINS(run("unknown-instruction"), "log: line 14: ");
  EXPECT_CONTAINS(run("unknown-instruction"), "unknown modifier .xx\ncuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX");
  EXPECT_CONTAINS(run("too-many-blocks"),
                  "ptxsim: launch: kernel scale: 1000 cooperative blocks, expected at most 32, which run at once\n"
                  "cuLaunchCooperativeKernel: CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE");
  EXPECT_CONTAINS(run("no-memory"), "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (out of memory)");
  EXPECT_CONTAINS(run("", "PTXSIM_MEMORY=1K"), "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_CONTAINS(run("", "PTXSIM_DRIVER_VERSION=11080"), "log: Unsupported .version 8.0; current version is '7.8'\n"
                                                          "cuModuleLoadDataEx: CUDA_ERROR_UNSUPPORTED_PTX_VERSION");
  EXPECT_CONTAINS(run("", "PTXSIM_DEVICES=0"), "cuInit: CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)");
  EXPECT_CONTAINS(run("", "PTXSIM_SMS=many"), "ptxsim: PTXSIM_SMS: expected a number, got \"many\"");
  EXPECT_CONTAINS(run("", "PTXSIM_CHECK=race"),
                  "ptxsim: PTXSIM_CHECK: expected none, races, uninitialised or all, got \"race\"");
}

TEST(FakeCuda, ALaunchThatHangsFailsOrNeverEnds) {
  EXPECT_EQ(run("query"), kGood);
  EXPECT_CONTAINS(run("query", "PTXSIM_STEPS=10"), "(PTXSIM_STEPS)\n");
  EXPECT_CONTAINS(run("query", "PTXSIM_STEPS=10"), "CUDA_ERROR_LAUNCH_FAILED");
  EXPECT_CONTAINS(run("query", "PTXSIM_STEPS=10 PTXSIM_ENDLESS=1"), "cuStreamQuery: CUDA_ERROR_NOT_READY (device not");
  EXPECT_EQ(run("", "PTXSIM_STEPS=10 PTXSIM_ENDLESS=1 timeout 1 env"),
            "driver 13000, 4 processors, cuMemAlloc found\nstatus 124");
  EXPECT_CONTAINS(run("out-of-bounds", "PTXSIM_ENDLESS=1"), "CUDA_ERROR_LAUNCH_FAILED"); // not a hang
}

TEST(FakeCuda, ADeviceCanBeAnothersAlone) {
  EXPECT_CONTAINS(run("", "PTXSIM_UNAVAILABLE=1"), "cuDevicePrimaryCtxRetain: CUDA_ERROR_DEVICE_UNAVAILABLE");
}

TEST(FakeCuda, ReportsCounts) {
  std::string path = testing::TempDir() + "ptxsim-report";
  EXPECT_EQ(run("", "PTXSIM_REPORT=" + path), kGood);
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // 4 blocks of 8 warps, twice. 1000 threads, then one, read and write a number, and read the factor.
  EXPECT_CONTAINS(text, "kernel scale: warp_instructions 774 ");
  EXPECT_CONTAINS(text, "load_bytes 8008 load_sectors 159 store_bytes 4004 store_sectors 126 shared_accesses 0");
  EXPECT_CONTAINS(text, "scale mul.rn.f32 33 1001\n");
  remove(path.c_str());
}

} // namespace
