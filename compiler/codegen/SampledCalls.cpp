//===- SampledCalls.cpp - the calls that a schedule is verified for -----------------------------------------------===//

#include "compiler/codegen/SampledCalls.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/LMOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <set>

using namespace mlir;
using namespace mlir::lm;

std::vector<Call> lm::sampleCalls(ModuleOp module) {
  int64_t context = 0, longest = 1;
  std::set<std::pair<int64_t, int64_t>> rings; // window, rows
  for (auto state : module.getOps<StateOp>()) {
    CacheType type = state.getCacheType();
    if (!type)
      continue;
    if (type.getWindow())
      rings.insert({type.getWindow(), type.getRows()});
    else
      context = context ? std::min(context, type.getRows()) : type.getRows();
    longest = std::max(longest, type.getRows());
  }
  if (!context)
    context = 4 * longest;
  if (auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr))
    if (auto length = model.getAs<IntegerAttr>("context"))
      context = length.getInt();

  llvm::StringMap<SmallVector<spmd::ProgramOp, 1>> followers;
  SmallVector<spmd::ProgramOp> steps; // by rows, descending
  for (auto program : module.getOps<spmd::ProgramOp>())
    if (program.getAfter())
      followers[*program.getAfter()].push_back(program);
    else
      steps.insert(llvm::find_if(steps, [&](spmd::ProgramOp other) { return other.getRows() < program.getRows(); }),
                   program);
  auto sizes = [&](spmd::ProgramOp program) {
    int64_t max = program.getRows();
    std::set<int64_t> result;
    for (int64_t rows : {max, max - 1, max / 2 + 1, int64_t(1)})
      if (rows >= 1 && rows <= context)
        result.insert(rows);
    return SmallVector<int64_t>(result.rbegin(), result.rend());
  };

  std::vector<Call> calls;
  for (spmd::ProgramOp step : steps) {
    for (int64_t rows : sizes(step)) {
      std::set<int64_t> positions;
      auto add = [&](int64_t position) {
        if (position >= 0 && position <= context - rows)
          positions.insert(position);
      };
      add(0);
      add(context - rows);
      for (auto [window, ringRows] : rings) {
        add(ringRows - rows / 2 - 1);
        if (rows != static_cast<int64_t>(step.getRows()))
          continue;
        add(window - 1);
        add(ringRows - 1);
        add(2 * ringRows + 3);
      }
      for (int64_t position : positions)
        calls.push_back({step, rows, position, 0});
      for (spmd::ProgramOp follower : followers[step.getSymName()])
        for (int64_t itsRows : sizes(follower))
          if (itsRows <= rows)
            for (int64_t first : std::set<int64_t>{0, rows - itsRows})
              calls.push_back({follower, itsRows, calls.back().position, first});
    }
  }
  for (spmd::ProgramOp step : steps)
    calls.push_back({step, sizes(step).front(), 0, 0});
  if (!steps.empty())
    calls.push_back({steps.back(), sizes(steps.back()).front(), 0, 0});
  return calls;
}
