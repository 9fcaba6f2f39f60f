//===- CacheAddress.h - where a value of a cache lies ------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_CACHEADDRESS_H
#define LATHE_COMPILER_CODEGEN_KERNELS_CACHEADDRESS_H

#include "compiler/codegen/kernels/Emitter.h"

namespace lathe {

/// The byte of the cache's segment where value `i` of the key (or of the value, `isValues`) of KV head `head` at
/// `position` lies (dialects/lm/Layout.h). A latent cache has keys only.
Value cacheAddress(Emitter &e, Value cache, bool isValues, Value position, Value head, Value i);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_CACHEADDRESS_H
