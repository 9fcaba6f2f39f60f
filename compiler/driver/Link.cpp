#include "compiler/driver/Link.h"
#include "compiler/driver/MappingGuard.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Inputs.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

using namespace lathe;
namespace fs = llvm::sys::fs;
namespace elf = llvm::ELF;

namespace {

/// Relative to lathe: lib/lathe/NAME when installed, lib/NAME in a build folder. If lathe was copied out of its build
/// folder without the library: the build folder.
absl::StatusOr<std::string> runtimeLibrary(llvm::StringRef name) {
  static int anchor;
  llvm::SmallString<256> path(fs::getMainExecutable("lathe", &anchor));
  recordInput(path);
  llvm::sys::path::remove_filename(path);
  const llvm::StringRef prefix = llvm::sys::path::parent_path(path);
  const std::string installed = (prefix + "/lib/lathe/" + name).str(), built = (prefix + "/lib/" + name).str();
  for (const std::string &candidate : {installed, built, std::string(LATHE_RUNTIME_FOLDER) + "/" + name.str()})
    if (fs::exists(candidate))
      return candidate;
  return fileError(installed, "expected the runtime library beside lathe, found no file");
}

/// The folder of the newest GCC that can link statically.
absl::StatusOr<std::string> gccFolder() {
  constexpr llvm::StringLiteral root = "/usr/lib/gcc/x86_64-linux-gnu";
  std::string best;
  unsigned bestVersion = 0;
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; it != end && !error; it.increment(error)) {
    unsigned version = 0;
    llvm::StringRef name = llvm::sys::path::filename(it->path());
    if (name.take_while(llvm::isDigit).getAsInteger(10, version) || version < bestVersion)
      continue;
    if (fs::exists(it->path() + "/libstdc++.a") && fs::exists(it->path() + "/crtbeginT.o")) {
      best = it->path();
      bestVersion = version;
    }
  }
  if (best.empty())
    return fileError(root, "expected a GCC with crtbeginT.o and libstdc++.a to link with, found none");
  return best;
}

absl::StatusOr<std::string> systemFile(llvm::StringRef name) {
  for (llvm::StringRef folder : {"/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"})
    if (std::string path = (folder + "/" + name).str(); fs::exists(path))
      return path;
  return absl::NotFoundError("cannot link: expected " + name.str() +
                             " in /usr/lib/x86_64-linux-gnu (of libc6-dev or libpcre2-dev), found no file");
}

/// An object as a file that lld can open, without touching a disk.
class MemoryFile {
public:
  explicit MemoryFile(llvm::StringRef bytes) : descriptor(memfd_create("lathe", MFD_CLOEXEC)) {
    llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/false);
    stream << bytes;
    stream.flush();
    isWritten = descriptor >= 0 && !stream.has_error();
    stream.clear_error();
  }
  MemoryFile(MemoryFile &&other) : descriptor(std::exchange(other.descriptor, -1)), isWritten(other.isWritten) {}
  ~MemoryFile() {
    if (descriptor >= 0)
      close(descriptor);
  }
  bool ok() const { return isWritten; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }

private:
  int descriptor;
  bool isWritten = false;
};

} // namespace

absl::Status lathe::link(const LinkInput &input, OutputFile &output) {
  std::vector<std::string> arguments = {
      "ld.lld",          "-o", output.temporaryPath(), "--gc-sections", "--strip-debug",
      "--build-id=none", "-z", "noexecstack",          "--threads=1"};
  const bool isDynamic = input.inputs.isDynamic;
  if (isDynamic)
    arguments.insert(arguments.end(), {"-dynamic-linker", "/lib64/ld-linux-x86-64.so.2", "-z", "now"});
  else
    arguments.push_back("-static");
  auto add = [&](absl::StatusOr<std::string> path) {
    if (path.ok()) {
      recordInput(*path);
      arguments.push_back(*path);
    }
    return path.status();
  };
  LATHE_ASSIGN_OR_RETURN(const std::string gcc, gccFolder());
  arguments.push_back("-L" + gcc);
  arguments.push_back("-L/usr/lib/x86_64-linux-gnu");
  LATHE_RETURN_IF_ERROR(add(systemFile("crt1.o")));
  LATHE_RETURN_IF_ERROR(add(systemFile("crti.o")));
  arguments.push_back(gcc + (isDynamic ? "/crtbegin.o" : "/crtbeginT.o"));

  std::vector<MemoryFile> objects;
  for (llvm::StringRef bytes : input.objects) {
    if (!objects.emplace_back(bytes).ok())
      return absl::ResourceExhaustedError("cannot link: no memory for an object of " + std::to_string(bytes.size()) +
                                          " bytes");
    arguments.push_back(objects.back().path());
  }
  std::string wrapped;
  llvm::scope_exit removeWrapped([&] {
    if (wrapped.empty())
      return;
    fs::remove(wrapped);
    llvm::sys::DontRemoveFileOnSignal(wrapped);
  });
  if (!input.weights.empty()) {
    wrapped = input.weights + ".o";
    llvm::sys::RemoveFileOnSignal(wrapped);
    LATHE_RETURN_IF_ERROR(wrapInObject(input.weights, input.weightsSymbol, wrapped));
    arguments.push_back(wrapped);
  }

  for (const std::string &library : input.inputs.runtime)
    LATHE_RETURN_IF_ERROR(add(runtimeLibrary(library)));
  for (const std::string &library : input.inputs.libraries)
    LATHE_RETURN_IF_ERROR(add(systemFile(library)));
  arguments.push_back(gcc + "/libstdc++.a");
  LATHE_RETURN_IF_ERROR(add(systemFile(isDynamic ? "libm.so.6" : "libm.a")));
  arguments.push_back("--start-group");
  arguments.push_back(gcc + "/libgcc.a");
  arguments.push_back(gcc + "/libgcc_eh.a");
  LATHE_RETURN_IF_ERROR(add(systemFile(isDynamic ? "libc.so" : "libc.a")));
  arguments.push_back("--end-group");
  arguments.push_back(gcc + "/crtend.o");
  LATHE_RETURN_IF_ERROR(add(systemFile("crtn.o")));

  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string log;
  llvm::raw_string_ostream stream(log);
  // lld 22.1 maps its output in spite of --no-mmap-output-file: on a full disk that is a bus error.
  const MappingGuard guard(output.path().c_str());
  lld::Result result = lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0)
    return absl::OkStatus();
  // The first line of lld's output is the error.
  llvm::StringRef reason = llvm::StringRef(log).trim().split('\n').first;
  reason.consume_front("ld.lld: ");
  reason.consume_front("error: ");
  return fileError(output.path(), "cannot link: " + reason);
}

absl::Status lathe::wrapInObject(llvm::StringRef file, llvm::StringRef symbol, llvm::StringRef object) {
  int from = open(file.str().c_str(), O_RDONLY | O_CLOEXEC);
  llvm::scope_exit closeFrom([&] { from >= 0 && close(from); });
  struct stat status;
  if (from < 0 || fstat(from, &status) != 0)
    return fileError(file, "cannot read the weights: " + llvm::Twine(strerror(errno)));
  const uint64_t bytes = status.st_size, page = 4096;

  // null, .lathe_weights, .symtab, .strtab. Sections and symbols use the same string table.
  constexpr char sectionNames[] = "\0.lathe_weights\0.symtab\0.strtab";
  std::string names(sectionNames, sizeof sectionNames);
  elf::Elf64_Sym symbols[2] = {};
  symbols[1].st_name = names.size();
  names += symbol;
  names += '\0';
  symbols[1].setBindingAndType(elf::STB_GLOBAL, elf::STT_OBJECT);
  symbols[1].st_shndx = 1;
  symbols[1].st_size = bytes;

  const uint64_t symbolsAt = llvm::alignTo(page + bytes, 8), namesAt = symbolsAt + sizeof symbols,
                 sectionsAt = llvm::alignTo(namesAt + names.size(), 8);
  elf::Elf64_Shdr sections[4] = {};
  // SHF_X86_64_LARGE: the section may be out of reach of 32-bit addresses, and code stays in reach.
  sections[1] = {
      1, elf::SHT_PROGBITS, elf::SHF_ALLOC | elf::SHF_X86_64_LARGE | elf::SHF_GNU_RETAIN, 0, page, bytes, 0, 0, page,
      0};
  sections[2] = {16, elf::SHT_SYMTAB, 0, 0, symbolsAt, sizeof symbols, 3, 1, 8, sizeof symbols[0]};
  sections[3] = {24, elf::SHT_STRTAB, 0, 0, namesAt, names.size(), 0, 0, 1, 0};

  elf::Elf64_Ehdr header = {};
  memcpy(header.e_ident, elf::ElfMagic, 4);
  header.e_ident[elf::EI_CLASS] = elf::ELFCLASS64;
  header.e_ident[elf::EI_DATA] = elf::ELFDATA2LSB;
  header.e_ident[elf::EI_VERSION] = elf::EV_CURRENT;
  header.e_type = elf::ET_REL;
  header.e_machine = elf::EM_X86_64;
  header.e_version = elf::EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_shoff = sectionsAt;
  header.e_shentsize = sizeof sections[0];
  header.e_shnum = 4;
  header.e_shstrndx = 3;

  int to = open(object.str().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  llvm::scope_exit closeTo([&] { to >= 0 && close(to); });
  auto write = [&](uint64_t offset, const void *data, size_t size) {
    return pwrite(to, data, size, offset) == static_cast<ssize_t>(size);
  };
  bool ok = to >= 0 && lseek(to, page, SEEK_SET) >= 0;
  for (uint64_t left = bytes; ok && left > 0;) {
    ssize_t copied = sendfile(to, from, nullptr, left);
    ok = copied > 0;
    left -= copied;
  }
  ok = ok && write(0, &header, sizeof header) && write(symbolsAt, symbols, sizeof symbols) &&
       write(namesAt, names.data(), names.size()) && write(sectionsAt, sections, sizeof sections);
  if (!ok)
    return fileError(object, "cannot write the weights as an object: " + llvm::Twine(strerror(errno)));
  return absl::OkStatus();
}
