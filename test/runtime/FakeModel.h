//===- FakeModel.h - a program whose entry points are written by hand ---------------------------------------------===//
//
// A "model" in integers, so that results are exact however the work is divided: the hidden state of a position is a
// checksum of all tokens up to it, kept in a cache; a logit is a function of that and of one weight. Workers divide
// rows and vocabulary, with a barrier between phases.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_TEST_RUNTIME_FAKEMODEL_H
#define LATHE_TEST_RUNTIME_FAKEMODEL_H

#include "lrt/abi.h"
#include "lrt/weights.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fake {

constexpr int64_t vocabulary = 50, context = 40, prefillRows = 8, logitsRows = 3;

/// As the compiler would write it, with the weights' real content id and no tokenizer.
extern const lrt_program program;

/// The weights file that belongs to it.
std::string weightsFile();

/// What the logits of the last token of a sequence must be.
std::vector<float> logitsAfter(const std::vector<int32_t> &tokens);

/// Greedy generation, computed without the runtime.
std::vector<int32_t> greedy(std::vector<int32_t> tokens, int64_t count);

} // namespace fake

#endif // LATHE_TEST_RUNTIME_FAKEMODEL_H
