//===- Signals.h - how signals end a program ----------------------------------------------------------------------===//

#ifndef LRT_SUPPORT_SIGNALS_H
#define LRT_SUPPORT_SIGNALS_H

namespace lrt {

/// Ignores SIGPIPE and SIGXFSZ: a closed pipe and a full quota become errors of write().
void ignoreWriteSignals();

/// Set by Ctrl-C, SIGTERM or SIGHUP once catchInterrupts() was called; a second one ends the process.
extern volatile bool interrupted;

/// Signals that the parent ignores (nohup, a shell's background jobs) stay ignored.
void catchInterrupts();

/// Ends the process as the signal that set `interrupted` would have: shells stop their loops when they see that status
/// (130, 143). Call it after everything was written.
[[noreturn]] void endByInterrupt();

/// Ends the process as SIGPIPE does, without a message: the reader has what it wanted.
[[noreturn]] void endByClosedPipe();

} // namespace lrt

#endif // LRT_SUPPORT_SIGNALS_H
