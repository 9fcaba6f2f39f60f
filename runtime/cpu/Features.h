//===- Features.h - what this CPU can do --------------------------------------------------------------------------===//

#ifndef LRT_CPU_FEATURES_H
#define LRT_CPU_FEATURES_H

#include <stdint.h>

#include <string>

namespace lrt {

/// The set of lrt_feature bits that this CPU has and the operating system lets us use.
uint64_t cpuFeatures();

/// "avx512f, avx512bf16"
std::string featureNames(uint64_t features);

/// "AMD EPYC 7B13", as the CPU calls itself.
std::string cpuName();

} // namespace lrt

#endif // LRT_CPU_FEATURES_H
