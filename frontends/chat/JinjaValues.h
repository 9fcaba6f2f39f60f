//===- JinjaValues.h - operations on the values of a template -----------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CHAT_JINJAVALUES_H
#define LATHE_FRONTENDS_CHAT_JINJAVALUES_H

#include "frontends/chat/Jinja.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include <optional>

namespace lathe::jinja {

struct Arguments {
  std::vector<Value> values;
  Dict named;
};

/// The value's type in messages: "a list".
std::string nameOf(const Value &value);
const Value *find(const Dict &dict, llvm::StringRef key);
void assign(Dict &dict, llvm::StringRef key, Value value);

/// The part of the interpreter that computes values: what operators, filters, tests, methods and functions return.
/// After an error, `status` holds the first one and later results have no meaning.
class Operations {
protected:
  Value fail(const llvm::Twine &message);
  bool spend(int64_t amount); // counts work; false after an error or above the limit
  Value make(std::string text);
  Value make(List list);
  Value make(Dict dict);

  Value generate(const Value &list); // a generator of its elements
  Value consume(const Value &value); // a generator's list, once; else the value itself

  Value copy(const Value &value); // counts the bytes of a text as work
  bool truth(const Value &value);
  std::string textOf(const Value &value);                   // its text in the output; not for the user's text
  Value concatenate(const Value &left, const Value &right); // the texts of two values
  Value attribute(const Value &value, llvm::StringRef key);
  Value element(const Value &value, const Value &index);
  Value slice(const Value &value, const Value &begin, const Value &end, const Value &step);
  Value add(const Value &left, const Value &right);
  Value arithmetic(llvm::StringRef symbol, const Value &left, const Value &right);
  bool compare(llvm::StringRef symbol, const Value &left, const Value &right);
  Value callFunction(llvm::StringRef function, const Arguments &given);
  Value callMethod(const Value &value, llvm::StringRef method, const Arguments &given);
  Value filter(const Value &value, llvm::StringRef filter, const Arguments &given);
  bool test(const Value &value, llvm::StringRef test, llvm::ArrayRef<Value> given);

  absl::Status status;
  unsigned line = 1; // of the token that is being read
  std::vector<Guard> guards;

private:
  /// Whether the user's text fulfils a condition. The text is not known when the template is read, so the answer is
  /// always no, and the condition becomes a guard: the result then holds only for texts that do not fulfil it.
  bool ask(Guard::Kind kind, const UserText &user, llvm::StringRef text);
  std::optional<bool> isEqualUser(const Value &left, const Value &right);
  Value callUserMethod(const UserText &user, llvm::StringRef method, const Arguments &given);
  Value trim(const UserText &user, bool left, bool right);
  bool isEqual(const Value &left, const Value &right);
  int nesting(const Value &value);
  bool contains(const Value &container, const Value &value);
  std::string jsonOf(const Value &value);
  Value callStringMethod(llvm::StringRef text, llvm::StringRef method, const Arguments &given);
  Value selectAttribute(const List &list, bool wanted, const Arguments &given);
  Value split(llvm::StringRef text, llvm::StringRef separator, int64_t max);
  std::optional<std::string> string(const Arguments &given, size_t index);

  int64_t work = 0;
};

} // namespace lathe::jinja

#endif // LATHE_FRONTENDS_CHAT_JINJAVALUES_H
