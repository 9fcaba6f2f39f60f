//===- FakeModel.h - a program whose entry points are written by hand ---------------------------------------------===//
//
// A "model" in integers, so that results are exact for every division of the work: the hidden state of a position is a
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

/// The program as the compiler would write it, with the real content id of the weights and no tokenizer.
extern const lrt_program program;

/// The bytes of its weights file.
std::string weightsFile();

/// The expected logits of the last token of a sequence.
std::vector<float> logitsAfter(const std::vector<int32_t> &tokens);

/// Greedy generation, computed without the runtime.
std::vector<int32_t> greedy(std::vector<int32_t> tokens, int64_t count);

} // namespace fake

#endif // LATHE_TEST_RUNTIME_FAKEMODEL_H
