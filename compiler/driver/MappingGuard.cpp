#include "compiler/driver/MappingGuard.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Signals.h"
#include <cstdint>
#include <fcntl.h>
#include <unistd.h>

using namespace lathe;

// The code below runs in a signal handler: it allocates no memory and calls only functions that POSIX allows there.

namespace {

/// The last line of /proc/self/maps that was read; messages use the path in it.
char line[4352];

/// Reads a file, one character at a time.
struct Reader {
  explicit Reader(const char *path) : file(open(path, O_RDONLY | O_CLOEXEC)) {}
  ~Reader() {
    if (file >= 0)
      close(file);
  }
  /// Returns false at the end of the file. A line that is too long is cut.
  bool nextLine() {
    size_t length = 0;
    for (char c; next(c);) {
      if (c == '\n') {
        line[length] = 0;
        return true;
      }
      if (length + 1 < sizeof line)
        line[length++] = c;
    }
    return false;
  }

private:
  bool next(char &c) {
    if (at == got) {
      at = 0;
      got = file >= 0 ? read(file, block, sizeof block) : 0;
      if (got <= 0)
        return false;
    }
    c = block[at++];
    return true;
  }

  int file;
  char block[4096];
  ssize_t at = 0, got = 0;
};

uintptr_t readHex(const char *&text) {
  uintptr_t value = 0;
  for (;; ++text) {
    if (*text >= '0' && *text <= '9')
      value = value * 16 + (*text - '0');
    else if (*text >= 'a' && *text <= 'f')
      value = value * 16 + (*text - 'a' + 10);
    else
      return value;
  }
}

/// "7f00-7f80 rw-s 00000000 08:01 42    /path": the path of the file that is mapped at `address`, null for none.
const char *fileMappedAt(uintptr_t address, bool &isWritten) {
  Reader maps("/proc/self/maps");
  while (maps.nextLine()) {
    const char *text = line;
    const uintptr_t begin = readHex(text);
    const uintptr_t end = *text == '-' ? readHex(++text) : 0;
    if (address < begin || address >= end)
      continue;
    isWritten = text[0] == ' ' && text[1] == 'r' && text[2] == 'w';
    for (; *text; ++text)
      if (*text == '/')
        return text;
    return nullptr;
  }
  return nullptr;
}

void say(const char *text) {
  size_t length = 0;
  while (text[length])
    ++length;
  (void)!write(STDERR_FILENO, text, length);
}

struct sigaction outermost; // the handler before the first guard
const char *output;         // the innermost guard's name for a file that is being written

void onBusError(int, siginfo_t *info, void *) {
  bool isWritten = false;
  const char *path = info->si_code > 0 ? fileMappedAt(reinterpret_cast<uintptr_t>(info->si_addr), isWritten) : nullptr;
  if (!path) { // no mapped file: restore the handler from before and let the instruction fault again
    sigaction(SIGBUS, &outermost, nullptr);
    if (info->si_code <= 0)
      raise(SIGBUS);
    return;
  }
  if (isatty(STDERR_FILENO))
    say("\r\x1b[K"); // removes the progress line
  say("lathe: ");
  say(isWritten && output ? output : path);
  say(isWritten ? ": cannot link: no space left on the disk\n"
                : ": cannot read: expected the file to stay as it is while it is read, found that it became shorter\n");
  llvm::sys::RunInterruptHandlers(); // removes unfinished outputs
  _exit(1);
}

int guards = 0;

} // namespace

MappingGuard::MappingGuard(const char *linked) {
  output = linked;
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, &before);
  if (guards++ == 0)
    outermost = before;
}

MappingGuard::~MappingGuard() {
  --guards;
  sigaction(SIGBUS, &before, nullptr);
}
