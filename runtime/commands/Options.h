//===- Options.h - the options of one command ---------------------------------------------------------------------===//

#ifndef LRT_COMMANDS_OPTIONS_H
#define LRT_COMMANDS_OPTIONS_H

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

namespace lrt {

/// A command declares its options with the variables they fill; parsing and help come from the same list.
class Options {
public:
  void flag(const char *name, const char *help, bool &target);
  void integer(const char *name, const char *value, const char *help, std::optional<int64_t> &target, int64_t min,
               int64_t max = INT64_MAX);
  /// One integer, or several separated by commas.
  void integers(const char *name, const char *value, const char *help, std::vector<int64_t> &target, int64_t min);
  /// `min` and `max` are allowed values.
  void number(const char *name, const char *value, const char *help, std::optional<double> &target, double min,
              double max);
  void text(const char *name, const char *value, const char *help, std::optional<std::string> &target);
  /// The option may be given several times; no value may be empty.
  void texts(const char *name, const char *value, const char *help, std::vector<std::string> &target);
  /// One of `words`.
  void choice(const char *name, const char *help, std::vector<const char *> words, std::optional<std::string> &target);

  /// "--name value" and "--name=value", each option once; flags and texts() may repeat. Returns false and leaves one
  /// line that names the option.
  bool parse(const std::vector<std::string> &arguments, std::string &error) const;

  /// One line per option.
  std::string help() const;

private:
  struct Option {
    const char *name;
    const char *value; // its placeholder in the help; null for a flag
    const char *help;
    bool *flag = nullptr;
    std::optional<int64_t> *integer = nullptr;
    std::vector<int64_t> *integers = nullptr;
    std::optional<double> *number = nullptr;
    std::optional<std::string> *text = nullptr;
    std::vector<std::string> *texts = nullptr;
    std::vector<const char *> words = {}; // allowed values of `text`; empty: any
    int64_t minInteger = 0, maxInteger = 0;
    double minNumber = 0, maxNumber = 0;
  };

  bool assign(const Option &option, const std::string &value, std::string &error) const;
  static bool parseInteger(const Option &option, const std::string &value, int64_t &target, std::string &error);

  std::vector<Option> options;
};

/// "1,2,3" into ids below `vocabulary`.
bool parseTokens(const std::string &text, int64_t vocabulary, std::vector<int32_t> &tokens, std::string &error);

/// Reads ids from a file (- is stdin), where white space may separate them, too.
bool readTokensFile(const std::string &path, int64_t vocabulary, std::vector<int32_t> &tokens, std::string &error);

/// "1,2,3"
std::string joinTokens(const std::vector<int32_t> &tokens);

/// ", did you mean NAME?" with the name most similar to `word`; "" when none is similar.
std::string didYouMean(const std::string &word, const std::vector<std::string> &names);

} // namespace lrt

#endif // LRT_COMMANDS_OPTIONS_H
