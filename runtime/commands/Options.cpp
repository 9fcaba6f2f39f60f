//===- Options.cpp - the options of one command -------------------------------------------------------------------===//

#include "runtime/commands/Options.h"

#include "runtime/support/Support.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>

using namespace lrt;

void Options::flag(const char *name, const char *help, bool &target) {
  options.push_back({.name = name, .value = nullptr, .help = help, .flag = &target});
}

void Options::integer(const char *name, const char *value, const char *help, std::optional<int64_t> &target,
                      int64_t min, int64_t max) {
  options.push_back(
      {.name = name, .value = value, .help = help, .integer = &target, .minInteger = min, .maxInteger = max});
}

void Options::integers(const char *name, const char *value, const char *help, std::vector<int64_t> &target,
                       int64_t min) {
  options.push_back(
      {.name = name, .value = value, .help = help, .integers = &target, .minInteger = min, .maxInteger = INT64_MAX});
}

void Options::number(const char *name, const char *value, const char *help, std::optional<double> &target, double min,
                     double max) {
  options.push_back(
      {.name = name, .value = value, .help = help, .number = &target, .minNumber = min, .maxNumber = max});
}

void Options::text(const char *name, const char *value, const char *help, std::optional<std::string> &target) {
  options.push_back({.name = name, .value = value, .help = help, .text = &target});
}

void Options::texts(const char *name, const char *value, const char *help, std::vector<std::string> &target) {
  options.push_back({.name = name, .value = value, .help = help, .texts = &target});
}

void Options::choice(const char *name, const char *help, std::vector<const char *> words,
                     std::optional<std::string> &target) {
  options.push_back({.name = name, .value = words.front(), .help = help, .text = &target, .words = words});
}

bool Options::parse(const std::vector<std::string> &arguments, std::string &error) const {
  std::vector<const Option *> given;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    size_t equals = argument.rfind("--", 0) == 0 ? argument.find('=') : std::string::npos;
    std::string name = argument.substr(0, equals);
    const Option *option = nullptr;
    for (const Option &candidate : options)
      if (name == candidate.name)
        option = &candidate;
    bool isRepeated = std::find(given.begin(), given.end(), option) != given.end();
    given.push_back(option);
    if (!option) {
      std::vector<std::string> names;
      for (const Option &candidate : options)
        names.push_back(candidate.name);
      error = name[0] == '-' ? "unknown option " + name + didYouMean(name, names)
                             : format("expected an option, found \"%s\"", name.c_str());
      return false;
    }
    if (option->flag) {
      if (equals != std::string::npos) {
        error = format("%s takes no value", option->name);
        return false;
      }
      *option->flag = true;
      continue;
    }
    if (isRepeated && !option->texts) { // a second value would silently win over the first one
      error = format("%s: expected once, found twice", option->name);
      return false;
    }
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      error = format("%s needs a value: %s %s", option->name, option->name, option->value);
      return false;
    }
    if (!assign(*option, equals != std::string::npos ? argument.substr(equals + 1) : arguments[++i], error))
      return false;
  }
  return true;
}

static bool startsNumber(const std::string &value) {
  return !value.empty() && (isdigit((unsigned char)value[0]) || value[0] == '-' || value[0] == '.');
}

bool Options::parseInteger(const Option &option, const std::string &value, int64_t &target, std::string &error) {
  char *end = nullptr;
  errno = 0;
  long long parsed = strtoll(value.c_str(), &end, 10);
  if (startsNumber(value) && !*end && !errno && parsed >= option.minInteger && parsed <= option.maxInteger) {
    target = parsed;
    return true;
  }
  error = option.maxInteger == INT64_MAX
              ? format("%s: expected an integer of at least %lld, found \"%s\"", option.name,
                       (long long)option.minInteger, value.c_str())
              : format("%s: expected an integer from %lld to %lld, found \"%s\"", option.name,
                       (long long)option.minInteger, (long long)option.maxInteger, value.c_str());
  return false;
}

bool Options::assign(const Option &option, const std::string &value, std::string &error) const {
  if (option.text) {
    bool isWord = option.words.empty();
    std::string words;
    for (const char *word : option.words) {
      isWord |= value == word;
      words += (words.empty() ? "" : " or ") + std::string(word);
    }
    if (isWord)
      *option.text = value;
    else
      error = format("%s: expected %s, found \"%s\"", option.name, words.c_str(), value.c_str());
    return isWord;
  }
  if (option.texts) {
    if (value.empty())
      error = format("%s: expected a text, found an empty one", option.name);
    option.texts->push_back(value);
    return !value.empty();
  }
  if (option.integer) {
    int64_t parsed;
    if (!parseInteger(option, value, parsed, error))
      return false;
    *option.integer = parsed;
    return true;
  }
  if (option.integers) {
    option.integers->clear();
    for (size_t begin = 0, comma = 0; comma != std::string::npos; begin = comma + 1) {
      comma = value.find(',', begin);
      int64_t parsed;
      if (!parseInteger(option, value.substr(begin, comma - begin), parsed, error))
        return false;
      option.integers->push_back(parsed);
    }
    return true;
  }
  const char *begin = value.c_str();
  char *end = nullptr;
  double parsed = strtod(begin, &end);
  if (startsNumber(value) && !*end && parsed >= option.minNumber && parsed <= option.maxNumber) {
    *option.number = parsed;
    return true;
  }
  error = format("%s: expected a number from %g to %g, found \"%s\"", option.name, option.minNumber, option.maxNumber,
                 begin);
  return false;
}

std::string Options::help() const {
  std::string text;
  for (const Option &option : options) {
    std::string left = option.name;
    if (option.value)
      left += std::string(" ") + option.value;
    text += format("  %-22s %s\n", left.c_str(), option.help);
  }
  return text;
}

/// Levenshtein distance: the number of characters to insert, delete or replace.
static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1); // from the first i characters of `a` to the first j of `b`
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string lrt::didYouMean(const std::string &word, const std::vector<std::string> &names) {
  if (word.size() > 64)
    return "";
  const std::string *nearest = nullptr;
  size_t bestDistance = std::min<size_t>(word.size() / 2, 3); // above that it is a different word
  for (const std::string &name : names)
    if (size_t distance = editDistance(word, name); distance < bestDistance || (!nearest && distance == bestDistance)) {
      nearest = &name;
      bestDistance = distance;
    }
  return nearest && bestDistance > 0 ? ", did you mean " + *nearest + "?" : "";
}

/// Parses `word` and appends the id. `option`: what errors call the source.
static bool addToken(const std::string &option, const std::string &word, const char *separators, int64_t vocabulary,
                     std::vector<int32_t> &tokens, std::string &error) {
  char *end = nullptr;
  errno = 0;
  long long id = strtoll(word.c_str(), &end, 10);
  if (word.empty() || end != word.c_str() + word.size() || errno) {
    error = format("%s: expected ids separated by %s, found \"%s\" at position %zu", option.c_str(), separators,
                   word.substr(0, 40).c_str(), tokens.size() + 1);
    return false;
  }
  if (id < 0 || id >= vocabulary) {
    error = format("%s: id %lld at position %zu is outside the vocabulary of %lld", option.c_str(), id,
                   tokens.size() + 1, (long long)vocabulary);
    return false;
  }
  tokens.push_back(int32_t(id));
  return true;
}

bool lrt::parseTokens(const std::string &text, int64_t vocabulary, std::vector<int32_t> &tokens, std::string &error) {
  tokens.clear();
  for (size_t begin = 0, comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = text.find(',', begin);
    if (!addToken("--tokens", text.substr(begin, comma - begin), "commas", vocabulary, tokens, error))
      return false;
  }
  return true;
}

bool lrt::readTokensFile(const std::string &path, int64_t vocabulary, std::vector<int32_t> &tokens,
                         std::string &error) {
  static const char separators[] = ", \t\r\n\v\f";
  tokens.clear();
  std::string text;
  if (!readWholeFile(path, text, error))
    return false;
  const std::string name = path == "-" ? "stdin" : path;
  size_t end = 0;
  for (size_t begin; (begin = text.find_first_not_of(separators, end)) != std::string::npos;) {
    end = std::min(text.find_first_of(separators, begin), text.size());
    if (!addToken(name, text.substr(begin, end - begin), "commas or white space", vocabulary, tokens, error))
      return false;
  }
  if (tokens.empty())
    error = name + ": expected ids separated by commas or white space, found none";
  return !tokens.empty();
}

std::string lrt::joinTokens(const std::vector<int32_t> &tokens) {
  std::string text;
  for (int32_t token : tokens)
    text += format(text.empty() ? "%d" : ",%d", token);
  return text;
}
