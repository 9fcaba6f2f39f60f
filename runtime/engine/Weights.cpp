//===- Weights.cpp - the weights file, mapped ---------------------------------------------------------------------===//

#include "runtime/engine/Weights.h"

#include "runtime/workers/Team.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

using namespace lrt;

uint64_t lrt::contentId(const uint8_t *data, uint64_t bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (uint64_t i = 0; i < bytes; i += 8) {
    uint64_t word = 0;
    memcpy(&word, data + i, std::min<uint64_t>(8, bytes - i));
    hash = (hash ^ word) * 0x100000001b3ull;
  }
  return hash;
}

/// A mapped file, for the handler of bus errors. Made in advance, because a signal handler must not allocate.
struct lrt::WatchedFile {
  const uint8_t *begin, *end;
  WatchedFile *next;
  char message[4352];
};

namespace {

WatchedFile *watched = nullptr; // all of them

/// A page after the end of its file, or one that the disk cannot read, is a bus error.
void onBusError(int, siginfo_t *info, void *) {
  const uint8_t *address = static_cast<const uint8_t *>(info->si_addr);
  if (info->si_code > 0)
    for (const WatchedFile *file = watched; file; file = file->next)
      if (address >= file->begin && address < file->end) {
        (void)!write(STDERR_FILENO, file->message, strlen(file->message));
        _exit(1);
      }
  signal(SIGBUS, SIG_DFL); // not ours: the repeated instruction or signal then has its default effect
  if (info->si_code <= 0)
    raise(SIGBUS);
}

} // namespace

void Weights::watch(int64_t bytes) {
  watchedFile = new WatchedFile;
  watchedFile->begin = base;
  watchedFile->end = base + bytes;
  snprintf(watchedFile->message, sizeof(watchedFile->message),
           "%s: %s: expected the weights to stay as they are while the program runs, found that the file became "
           "shorter\n",
           program_invocation_short_name, from.c_str());
  watchedFile->next = watched;
  watched = watchedFile;
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

Weights::~Weights() {
  for (WatchedFile **file = &watched; *file; file = &(*file)->next)
    if (*file == watchedFile) {
      *file = watchedFile->next;
      break;
    }
  delete watchedFile;
  if (mapped > 0)
    munmap(const_cast<uint8_t *>(base), mapped);
}

/// Whether [offset, offset + bytes) is an aligned section of a file of `fileBytes`.
static bool isSection(uint64_t offset, uint64_t bytes, uint64_t fileBytes) {
  return offset % LRT_WEIGHTS_ALIGN == 0 && offset >= sizeof(lrt_weights_header) && offset <= fileBytes &&
         bytes <= fileBytes - offset;
}

bool Weights::check(const lrt_program &program, uint64_t realBytes, std::string &error) {
  const char *name = from.c_str();
  if (realBytes < sizeof(header)) {
    error = format("%s: not a weights file: expected at least %zu bytes, found %llu", name, sizeof(header),
                   (unsigned long long)realBytes);
    return false;
  }
  memcpy(&header, base, sizeof(header));
  if (header.magic != LRT_WEIGHTS_MAGIC) {
    error = format("%s: not a weights file: expected it to start with \"LTHEWTGS\"", name);
    return false;
  }
  if (header.version != LRT_ABI_VERSION || header.header_bytes != sizeof(header)) {
    error = format("%s: expected version %u of the weights format, found %u: compile the model again", name,
                   LRT_ABI_VERSION, header.version);
    return false;
  }
  if (header.file_bytes != realBytes) {
    error = format("%s: expected %llu bytes, found %llu: the file is %s", name, (unsigned long long)header.file_bytes,
                   (unsigned long long)realBytes, realBytes < header.file_bytes ? "truncated" : "too long");
    return false;
  }
  if (header.content_id[0] != program.content_id[0] || header.content_id[1] != program.content_id[1]) {
    error = format("%s: weights of another model or compilation: expected content id %016llx%016llx, found "
                   "%016llx%016llx",
                   name, (unsigned long long)program.content_id[0], (unsigned long long)program.content_id[1],
                   (unsigned long long)header.content_id[0], (unsigned long long)header.content_id[1]);
    return false;
  }
  if (header.tensors_bytes != uint64_t(program.weights_bytes)) {
    error = format("%s: expected %lld bytes of tensors, found %llu", name, (long long)program.weights_bytes,
                   (unsigned long long)header.tensors_bytes);
    return false;
  }
  if (!isSection(header.tensors_offset, header.tensors_bytes, realBytes) ||
      (header.tokenizer_bytes > 0 ? !isSection(header.tokenizer_offset, header.tokenizer_bytes, realBytes)
                                  : header.tokenizer_offset > realBytes)) {
    error = format("%s: damaged header: a section lies outside the file", name);
    return false;
  }
  return true;
}

bool Weights::open(const lrt_program &program, const std::string &path, std::string &error) {
  bool isBare = program.content_id[0] == 0 && program.content_id[1] == 0;
  if (isBare) {
    error = "compiled from a config without weights; only bench --random-weights SEED and info can run";
    return false;
  }
  if (path.empty() && program.weights_data) {
    from = "the weights in the executable";
    base = reinterpret_cast<const uint8_t *>(program.weights_data);
    return check(program, program.weights_data_bytes, error);
  }

  from = path.empty() ? executablePath() + ".weights" : path;
  int file = ::open(from.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); // without O_NONBLOCK opening a pipe would wait
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) {
    error = format("%s: cannot open the weights: %s%s", from.c_str(), strerror(errno),
                   path.empty() ? " (--weights FILE names another file)" : "");
    if (file >= 0)
      close(file);
    return false;
  }
  if (!S_ISREG(status.st_mode)) {
    error = format("%s: expected a weights file, found something that is not a regular file", from.c_str());
    close(file);
    return false;
  }
  if (uint64_t(status.st_size) < sizeof(header)) { // an empty file cannot be mapped
    check(program, status.st_size, error);
    close(file);
    return false;
  }
  recordOpenInput(file, from);
  // Shared and read-only: processes running the same model share one copy in memory. No advice to the system: on a cold
  // file WILLNEED delays the start by up to 36 ms for 250 MB and neither it nor SEQUENTIAL makes the first pass faster.
  void *memory = mmap(nullptr, status.st_size, PROT_READ, MAP_SHARED, file, 0);
  int mapError = errno;
  close(file);
  if (memory == MAP_FAILED) {
    error = format("%s: cannot map the weights: %s", from.c_str(), strerror(mapError));
    return false;
  }
  base = static_cast<const uint8_t *>(memory);
  mapped = status.st_size;
  watch(mapped);
  return check(program, status.st_size, error);
}

bool Weights::copyToLargePages(Team &team, std::string &error) {
  Memory pages;
  if (!pages.reserve(header.tensors_bytes, "a copy of the weights", error, /*largePages=*/true))
    return false;
  team.each([&](int64_t worker) {
    int64_t begin = int64_t(header.tensors_bytes) / 64 * worker / team.workers() * 64;
    int64_t end = worker + 1 == team.workers()
                      ? int64_t(header.tensors_bytes)
                      : int64_t(header.tensors_bytes) / 64 * (worker + 1) / team.workers() * 64;
    memcpy(pages.data() + begin, base + header.tensors_offset + begin, end - begin);
  });
  copy.swap(pages);
  return true;
}

bool Weights::randomize(const lrt_program &program, uint64_t seed, Team &team, bool largePages, std::string &error) {
  if (!random.reserve(program.weights_bytes, "random weights", error, largePages))
    return false;
  from = format("random (seed %llu)", (unsigned long long)seed);
  base = random.data();
  header.tensors_bytes = program.weights_bytes;
  // Every 16 bits are 0x3c..: about 1 as f16, 0.01 as bf16 and as the upper half of an f32; as 8-bit integers up to
  // 255, which the small scales beside them keep small.
  int64_t words = (random.size() + 7) / 8; // a whole number of pages is mapped
  team.each([&](int64_t worker) {
    uint64_t *word = reinterpret_cast<uint64_t *>(random.data());
    int64_t begin = words * worker / team.workers(), end = words * (worker + 1) / team.workers();
    for (int64_t i = begin; i < end; ++i)
      word[i] = (scramble(seed + i) & 0x00ff00ff00ff00ffull) | 0x3c003c003c003c00ull;
  });
  return true;
}

bool Weights::verify(std::string &error) const {
  const uint64_t found[2] = {contentId(tensors(), header.tensors_bytes),
                             contentId(base + header.tokenizer_offset, header.tokenizer_bytes)};
  const char *sections[2] = {"tensors", "tokenizer"};
  for (int i = 0; i < 2; ++i) {
    if (found[i] == header.content_id[i])
      continue;
    error = format("%s: damaged %s: expected content id %016llx, found %016llx", from.c_str(), sections[i],
                   (unsigned long long)header.content_id[i], (unsigned long long)found[i]);
    return false;
  }
  return true;
}
