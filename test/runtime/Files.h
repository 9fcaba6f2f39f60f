//===- Files.h - files for one test -------------------------------------------------------------------------------===//

#ifndef LATHE_TEST_RUNTIME_FILES_H
#define LATHE_TEST_RUNTIME_FILES_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

/// A directory that goes away with the test.
struct TemporaryDirectory {
  std::string path;

  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lathe-runtime-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }

  /// Returns the file's path.
  std::string write(const std::string &name, const std::string &contents) const {
    std::filesystem::path file = std::filesystem::path(path) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << contents;
    return file.string();
  }

  bool isEmpty() const { return std::filesystem::is_empty(path); }
};

inline std::string contentsOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

#endif // LATHE_TEST_RUNTIME_FILES_H
