//===- Signals.cpp - how signals end a program --------------------------------------------------------------------===//

#include "runtime/support/Signals.h"

#include <signal.h>
#include <unistd.h>

using namespace lrt;

volatile bool lrt::interrupted = false;

static volatile sig_atomic_t interruptedBy = SIGINT;

static constexpr int interrupts[] = {SIGINT, SIGTERM, SIGHUP};

static void interrupt(int number) {
  for (int any : interrupts) // a second one, of any kind, ends the process
    signal(any, SIG_DFL);
  interruptedBy = number;
  interrupted = true;
}

[[noreturn]] static void endBy(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(number);
  _exit(128 + number); // not reached: the default of these signals ends the process
}

void lrt::ignoreWriteSignals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

void lrt::catchInterrupts() {
  for (int number : interrupts) {
    struct sigaction action = {}, old = {};
    action.sa_handler = interrupt;
    if (sigaction(number, nullptr, &old) == 0 && old.sa_handler != SIG_IGN)
      sigaction(number, &action, nullptr);
  }
}

void lrt::endByInterrupt() { endBy(interruptedBy); }

void lrt::endByClosedPipe() { endBy(SIGPIPE); }
