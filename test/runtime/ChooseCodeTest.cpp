//===- ChooseCodeTest.cpp - the code that a GPU can run -----------------------------------------------------------===//

#include "runtime/cuda/ChooseCode.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

/// The code chosen among `names`, or "none".
std::string chosen(const std::vector<const char *> &names, int capability) {
  std::vector<lrt_device_code> codes;
  for (const char *name : names)
    codes.push_back({.device = name, .code = ""});
  lrt_program program = {};
  program.device_codes = codes.data();
  program.num_device_codes = int64_t(codes.size());
  const lrt_device_code *code = lrt::cuda::chooseCode(program, capability);
  return code ? code->device : "none";
}

} // namespace

TEST(ChooseCode, takesTheNewestThatIsNotNewerThanTheDevice) {
  EXPECT_EQ(chosen({"sm_90", "sm_80", "sm_86"}, 80), "sm_80");
  EXPECT_EQ(chosen({"sm_90", "sm_80", "sm_86"}, 89), "sm_86");
  EXPECT_EQ(chosen({"sm_90", "sm_80", "sm_86"}, 90), "sm_90");
  EXPECT_EQ(chosen({"sm_90", "sm_80", "sm_86"}, 120), "sm_90");
  EXPECT_EQ(chosen({"sm_90", "sm_86"}, 80), "none");
}

TEST(ChooseCode, takesArchitectureSpecificCodeOnThatArchitectureAlone) {
  EXPECT_EQ(chosen({"sm_80", "sm_90a"}, 80), "sm_80");
  EXPECT_EQ(chosen({"sm_80", "sm_90a"}, 90), "sm_90a");
  EXPECT_EQ(chosen({"sm_80", "sm_90a"}, 100), "sm_80");
  EXPECT_EQ(chosen({"sm_90a", "sm_90"}, 90), "sm_90a");
  EXPECT_EQ(chosen({"sm_90a"}, 100), "none");
}

TEST(ChooseCode, takesFamilySpecificCodeInItsFamily) {
  EXPECT_EQ(chosen({"sm_90", "sm_100f"}, 100), "sm_100f");
  EXPECT_EQ(chosen({"sm_90", "sm_100f"}, 103), "sm_100f");
  EXPECT_EQ(chosen({"sm_90", "sm_100f"}, 101), "sm_90"); // a family of its own
  EXPECT_EQ(chosen({"sm_90", "sm_100f"}, 120), "sm_90");
  EXPECT_EQ(chosen({"sm_90", "sm_103f"}, 100), "sm_90");
  EXPECT_EQ(chosen({"sm_100f", "sm_103", "sm_103a"}, 103), "sm_103a");
}
