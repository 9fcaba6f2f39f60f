//===- OutputFile.h - an output file that appears only when it is complete ----------------------------------------===//

#ifndef LRT_SUPPORT_OUTPUTFILE_H
#define LRT_SUPPORT_OUTPUTFILE_H

#include <stddef.h>

#include <string>

namespace lrt {

/// The file appears, complete, with finish(); without finish() nothing is left. Before that it has no name (O_TMPFILE)
/// or, where the file system has no such files, a temporary name beside `path`. Refuses to replace a file that this
/// process reads under any name (inputs, the executable and its weights) and any file of weights. A device or a pipe is
/// written in place.
class OutputFile {
public:
  OutputFile() = default;
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;
  ~OutputFile();

  bool open(const std::string &path, std::string &error);
  bool write(const void *data, size_t bytes, std::string &error);
  bool finish(std::string &error);

private:
  bool check(std::string &error) const;
  bool fail(const char *action, int reason, std::string &error);

  std::string path;
  std::string temporary; // empty: written in place (a device or a pipe)
  bool isNamed = false;  // the temporary name exists
  int file = -1;
};

/// Removes the temporary names of unfinished files, before a process ends without destructors.
void discardOutputs();

} // namespace lrt

#endif // LRT_SUPPORT_OUTPUTFILE_H
