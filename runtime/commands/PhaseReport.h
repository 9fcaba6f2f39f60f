//===- PhaseReport.h - a profile as a table and as JSON -----------------------------------------------------------===//

#ifndef LRT_COMMANDS_PHASEREPORT_H
#define LRT_COMMANDS_PHASEREPORT_H

#include "runtime/engine/Profile.h"
#include "runtime/support/Json.h"

namespace lrt {

/// Describes the time of a pass: "of which the limit is 83.1 %".
std::string limitShare(const Pass &pass);

/// A table for each pass. Numbers of a phase are for one occurrence, but the loss is the sum over all of them.
std::string phaseTable(const std::vector<Pass> &passes);

/// "phases": a list of objects. Numbers of a phase are sums over all its occurrences.
void addPhases(Json &json, const std::vector<Pass> &passes);

/// An SVG document: a bar for each phase, with its limit and the time it takes beyond that.
std::string phaseChart(const std::vector<Pass> &passes, const std::string &title);

} // namespace lrt

#endif // LRT_COMMANDS_PHASEREPORT_H
