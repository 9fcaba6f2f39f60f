//===- ConfigRope.h - rotary positions of a config.json -----------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_HUGGINGFACE_CONFIGROPE_H
#define LATHE_FRONTENDS_HUGGINGFACE_CONFIGROPE_H

#include "compiler/support/Json.h"
#include "frontends/config/models/Model.h"

namespace lathe {

/// Reads Config::rope and slidingRope from rope_theta and rope_scaling, or from rope_parameters. Errors are left in the
/// status of `keys`.
void readRopes(const JsonObject &keys, const Model &model, Config &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_HUGGINGFACE_CONFIGROPE_H
