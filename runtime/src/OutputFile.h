//===- OutputFile.h - a file that is complete or not there --------------------------------------------------------===//

#ifndef LRT_SRC_OUTPUTFILE_H
#define LRT_SRC_OUTPUTFILE_H

#include <stddef.h>

#include <string>

namespace lrt {

/// Writes FILE under a temporary name beside it; it appears, complete, with finish(). Without that nothing is left.
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
  bool fail(const char *action, int reason, std::string &error);

  std::string path;
  std::string temporary; // empty: written in place (a device or a pipe)
  int file = -1;
};

} // namespace lrt

#endif // LRT_SRC_OUTPUTFILE_H
