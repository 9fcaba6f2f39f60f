//===- Handlers.h - loops over the lanes of an instruction --------------------------------------------------------===//

#ifndef PTXSIM_HANDLERS_H
#define PTXSIM_HANDLERS_H

#include "Decode.h"
#include "Numbers.h"

namespace ptxsim {

/// d = f(a): `f` has `result call(argument)`, both of plain types.
template <typename A, typename F> void unary(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) { w.set(i.d, lane, bitsOf(F::call(as<A>(w.get(i.a, lane))))); });
}
template <typename A, typename F> void binary(Warp &w, const Instruction &i, uint32_t on) {
  if (on == kAllLanes && i.a.reg >= 0 && i.b.reg >= 0) { // becomes vector code
    uint64_t *d = w.regs + i.d.reg;
    const uint64_t *a = w.regs + i.a.reg, *b = w.regs + i.b.reg;
    for (int lane = 0; lane < kLanes; ++lane)
      d[lane] = bitsOf(F::call(as<A>(a[lane]), as<A>(b[lane])));
    return;
  }
  eachLane(on, [&](int lane) { w.set(i.d, lane, bitsOf(F::call(as<A>(w.get(i.a, lane)), as<A>(w.get(i.b, lane))))); });
}
/// d = f(a, b, c); `c` may have a type of its own, as in mad.wide.
template <typename A, typename C, typename F> void ternary(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    w.set(i.d, lane, bitsOf(F::call(as<A>(w.get(i.a, lane)), as<A>(w.get(i.b, lane)), as<C>(w.get(i.c, lane)))));
  });
}

#define PTXSIM_OP(NAME, PARAMETERS, ...)                                                                               \
  struct NAME {                                                                                                        \
    template <typename T> static auto call PARAMETERS { __VA_ARGS__ }                                                  \
  };

} // namespace ptxsim

#endif
