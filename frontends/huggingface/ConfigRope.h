//===- ConfigRope.h - rotary positions of a config.json -----------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_HUGGINGFACE_CONFIGROPE_H
#define LATHE_FRONTENDS_HUGGINGFACE_CONFIGROPE_H

#include "compiler/support/Json.h"
#include "frontends/config/models/Model.h"

namespace lathe {

/// rope_theta and rope_scaling, or rope_parameters, of full and of sliding layers. Complaints go to the object's
/// status.
void readRopes(const JsonObject &keys, const Model &model, Config &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_HUGGINGFACE_CONFIGROPE_H
