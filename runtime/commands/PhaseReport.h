//===- PhaseReport.h - a profile for readers and for scripts ------------------------------------------------------===//

#ifndef LRT_COMMANDS_PHASEREPORT_H
#define LRT_COMMANDS_PHASEREPORT_H

#include "runtime/engine/Profile.h"
#include "runtime/support/Json.h"

namespace lrt {

/// "of which the limit is 83.1 %", of a pass's time.
std::string limitShare(const Pass &pass);

/// A table for each pass. Numbers of a phase are of one of its places, but for the loss, which is of all of them.
std::string phaseTable(const std::vector<Pass> &passes);

/// "phases": a list of objects. Numbers of a phase are of all its places.
void addPhases(Json &json, const std::vector<Pass> &passes);

/// A picture of its own: a bar for each phase, what it must take and what it takes besides.
std::string phaseChart(const std::vector<Pass> &passes, const std::string &title);

} // namespace lrt

#endif // LRT_COMMANDS_PHASEREPORT_H
