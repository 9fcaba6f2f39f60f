//===- OutputFile.h - a file that is complete or not there --------------------------------------------------------===//

#ifndef LRT_SUPPORT_OUTPUTFILE_H
#define LRT_SUPPORT_OUTPUTFILE_H

#include <stddef.h>

#include <string>

namespace lrt {

/// Writes FILE without a name, or where the file system cannot do that under a temporary one beside it; it appears,
/// complete, with finish(). Without that nothing is left. Refuses what this process reads, by whatever name: inputs,
/// the executable and its weights; and somebody's weights. A device or a pipe is written in place.
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

} // namespace lrt

#endif // LRT_SUPPORT_OUTPUTFILE_H
