//===- Options.cpp - the options of one command -------------------------------------------------------------------===//

#include "Options.h"

#include "Support.h"

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
                      int64_t least, int64_t most) {
  options.push_back(
      {.name = name, .value = value, .help = help, .integer = &target, .leastInteger = least, .mostInteger = most});
}

void Options::integers(const char *name, const char *value, const char *help, std::vector<int64_t> &target,
                       int64_t least) {
  options.push_back({.name = name,
                     .value = value,
                     .help = help,
                     .integers = &target,
                     .leastInteger = least,
                     .mostInteger = INT64_MAX});
}

void Options::number(const char *name, const char *value, const char *help, std::optional<double> &target, double least,
                     double most) {
  options.push_back(
      {.name = name, .value = value, .help = help, .number = &target, .leastNumber = least, .mostNumber = most});
}

void Options::text(const char *name, const char *value, const char *help, std::optional<std::string> &target) {
  options.push_back({.name = name, .value = value, .help = help, .text = &target});
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
      error = name[0] == '-' ? format("unknown option %s", name.c_str())
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
    if (isRepeated) { // a second value would silently win over the first one
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
  if (startsNumber(value) && !*end && !errno && parsed >= option.leastInteger && parsed <= option.mostInteger) {
    target = parsed;
    return true;
  }
  error = option.mostInteger == INT64_MAX
              ? format("%s: expected an integer of at least %lld, found \"%s\"", option.name,
                       (long long)option.leastInteger, value.c_str())
              : format("%s: expected an integer from %lld to %lld, found \"%s\"", option.name,
                       (long long)option.leastInteger, (long long)option.mostInteger, value.c_str());
  return false;
}

bool Options::assign(const Option &option, const std::string &value, std::string &error) const {
  if (option.text) {
    *option.text = value;
    return true;
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
    for (size_t place = 0, comma = 0; comma != std::string::npos; place = comma + 1) {
      comma = value.find(',', place);
      int64_t parsed;
      if (!parseInteger(option, value.substr(place, comma - place), parsed, error))
        return false;
      option.integers->push_back(parsed);
    }
    return true;
  }
  const char *begin = value.c_str();
  char *end = nullptr;
  double parsed = strtod(begin, &end);
  if (startsNumber(value) && !*end && parsed >= option.leastNumber && parsed <= option.mostNumber) {
    *option.number = parsed;
    return true;
  }
  error = format("%s: expected a number from %g to %g, found \"%s\"", option.name, option.leastNumber,
                 option.mostNumber, begin);
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

bool lrt::parseTokens(const std::string &text, int64_t vocabulary, std::vector<int32_t> &tokens, std::string &error) {
  tokens.clear();
  const char *place = text.c_str();
  for (;;) {
    char *end = nullptr;
    errno = 0;
    long long id = strtoll(place, &end, 10);
    if (end == place || errno || (*end && *end != ',')) {
      std::string found(place, strcspn(place, ","));
      error = format("--tokens: expected ids separated by commas, found \"%s\" at place %zu", found.c_str(),
                     tokens.size() + 1);
      return false;
    }
    if (id < 0 || id >= vocabulary) {
      error = format("--tokens: id %lld at place %zu is outside the vocabulary of %lld", id, tokens.size() + 1,
                     (long long)vocabulary);
      return false;
    }
    tokens.push_back(int32_t(id));
    if (!*end)
      return true;
    place = end + 1;
  }
}
