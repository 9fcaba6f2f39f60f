#include "frontends/onnx/Program.h"
#include "compiler/support/Errors.h"
#include "frontends/onnx/Roles.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

class Analysis {
public:
  Analysis(const ModelFile &model, Program &program) : model(model), graph(*model.graph), program(program) {}

  absl::Status run(int64_t context, int64_t fallbackContext);

private:
  absl::Status raise(Sizes sizes, Raised &raised, std::vector<const Term *> &order);
  absl::Status chooseContext(int64_t context, int64_t fallbackContext);
  absl::Status findWindows();
  absl::Status findRotations();
  absl::StatusOr<RopeTable> readTable(const RopeInfo &info, const Evaluator &values) const;
  absl::Status findLayers();
  absl::Status about(const Term &operation, const llvm::Twine &message) const {
    const Node &node = graph.nodes[operation.node];
    return fileError(model.path, printable(node.name), printable(node.qualifiedOp()) + ": " + message);
  }
  absl::Status about(const Term &operation, const absl::Status &status) const {
    return about(operation, std::string(status.message()));
  }
  bool hasPast() const {
    return llvm::any_of(program.roles, [](const InputRole &role) { return role.kind == InputKind::Past; });
  }

  const ModelFile &model;
  const Graph &graph;
  Program &program;
  int logits = -1;
  bool hasShortPasts = true; // the graph takes several tokens after a short past; false: only one, or no past
};

/// All that `operation` depends on, arguments first, in the order in which they were made.
std::vector<const Term *> orderOf(const Raised &raised) {
  llvm::DenseSet<const Term *> needed;
  std::vector<const Term *> open = {raised.logits};
  while (!open.empty()) {
    const Term *operation = open.back();
    open.pop_back();
    if (needed.insert(operation).second)
      llvm::append_range(open, operation->arguments);
  }
  std::vector<const Term *> order;
  for (const Term &operation : raised.operations)
    if (needed.contains(&operation) && operation.kind != Kind::Ids && operation.kind != Kind::Past)
      order.push_back(&operation);
  return order;
}

/// What must be the same for all lengths.
std::string describe(llvm::ArrayRef<const Term *> order) {
  llvm::DenseMap<const Term *, size_t> numbers;
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const Term *operation : order) {
    out << nameOf(operation->kind) << ' ' << operation->width << ' ' << operation->number << ' ' << operation->groups
        << ' ' << operation->index << ' ' << int(operation->activation) << ' ' << operation->rope.heads << ' '
        << operation->rope.dim << ' ' << operation->rope.from << ' ' << operation->rope.cosine << ' '
        << operation->rope.sine << ' ' << operation->attention.heads << ' ' << operation->attention.kvHeads << ' '
        << operation->attention.scale << ' ' << operation->attention.softcap << ' ' << operation->attention.mask << ' '
        << operation->attention.window;
    for (const Weight &weight : operation->weights)
      out << " w " << (weight ? weight.stored->constant->name : "") << ' ' << weight.firstRow << ' ' << weight.rows;
    for (const Term *argument : operation->arguments)
      out << " %" << numbers.lookup(argument);
    out << '\n';
    numbers[operation] = numbers.size() + 1;
  }
  return text;
}

absl::Status Analysis::raise(Sizes sizes, Raised &raised, std::vector<const Term *> &order) {
  Evaluator values(model, program.roles);
  LATHE_RETURN_IF_ERROR(values.run(sizes, graph.outputs));
  LATHE_RETURN_IF_ERROR(Raiser(model, values, program.roles, raised).run(logits));
  order = orderOf(raised);
  return absl::OkStatus();
}

absl::Status Analysis::chooseContext(int64_t context, int64_t fallbackContext) {
  auto limit = [&](int64_t positions) {
    if (program.maxPositions == 0 || positions < program.maxPositions)
      program.maxPositions = positions;
  };
  for (const Term *operation : program.order) {
    if (operation->kind == Kind::AddPositions)
      limit(operation->weight().rows);
    // A constant table; one that an If chooses is as long as the context needs.
    if (operation->kind == Kind::Rope && operation->rope.areWhole && graph.values[operation->rope.cosine].constant)
      limit(graph.values[operation->rope.cosine].constant->shape[0]);
  }
  constexpr int64_t atMost = 8192;
  program.context = context ? context : std::min(fallbackContext, atMost);
  if (program.maxPositions && program.context > program.maxPositions) {
    if (context)
      return fileError(model.path, "--context " + llvm::Twine(context) + ": expected at most the model's " +
                                       llvm::Twine(program.maxPositions) + " positions");
    program.context = program.maxPositions;
  }
  return absl::OkStatus();
}

/// Masks of short sequences from the first position on, and of the last positions of the context.
absl::Status Analysis::findWindows() {
  llvm::SmallVector<int> masks;
  for (const Term *operation : program.order)
    if (operation->kind == Kind::Attention && operation->attention.mask >= 0 &&
        !llvm::is_contained(masks, operation->attention.mask))
      masks.push_back(operation->attention.mask);
  llvm::DenseMap<int, WindowFinder> finders;
  if (!masks.empty()) {
    const int64_t context = program.context;
    llvm::SmallVector<Sizes, 4> all = {{0, std::min<int64_t>(context, 40)}};
    if (hasPast() && !hasShortPasts)
      all.append({{0, std::min<int64_t>(context, 128)}, {std::max<int64_t>(context - 1, 1), 1}});
    else if (hasPast())
      all.append({{7, 30}, {context > 9 ? context - 9 : 1, 9}, {std::max<int64_t>(context - 1, 1), 1}});
    else
      all.append({{0, 1}, {0, std::min<int64_t>(context, 1024)}});
    for (Sizes sizes : all) {
      Evaluator values(model, program.roles);
      LATHE_RETURN_IF_ERROR(values.run(sizes, masks));
      for (const Term *operation : program.order) {
        const AttentionInfo &info = operation->attention;
        if (operation->kind != Kind::Attention || info.mask < 0 || !llvm::is_contained(masks, info.mask))
          continue;
        const TensorPtr mask = values.constant(info.mask);
        if (!mask)
          return about(*operation, "expected a mask that does not depend on the tokens");
        if (absl::Status status = finders[info.mask].add(*mask, info.maskForm, info.isCausal, sizes); !status.ok())
          return about(*operation, status);
      }
    }
  }
  for (const Term *operation : program.order) {
    if (operation->kind != Kind::Attention)
      continue;
    const AttentionInfo &info = operation->attention;
    Window window = {info.window, false};
    if (info.mask >= 0) {
      auto found = finders[info.mask].find();
      if (!found.ok())
        return about(*operation, found.status());
      window = *found;
    } else if (!info.isCausal) {
      return about(*operation, "expected a mask that shows each token what is before it, got none");
    }
    program.windows[operation] = window;
  }
  return absl::OkStatus();
}

absl::StatusOr<RopeTable> Analysis::readTable(const RopeInfo &info, const Evaluator &values) const {
  RopeTable table;
  const Sizes sizes = values.sizes();
  for (bool isSine : {false, true}) {
    const int value = isSine ? info.sine : info.cosine;
    const TensorPtr tensor = values.constant(value);
    if (!tensor || !isReal(tensor->type) || tensor->shape.empty())
      return invalid("expected rotary tables that do not depend on the tokens");
    const int64_t width = tensor->shape.back(), pairs = info.dim / 2;
    int64_t rows =
        info.areWhole ? std::min(tensor->size() / std::max<int64_t>(width, 1), program.context) : sizes.length;
    if ((width != pairs && width != info.dim) || rows * width > tensor->size())
      return invalid("expected rotary tables of " + llvm::Twine(pairs) + " pairs, got " + shapeString(tensor->shape));
    table.type = tensor->type;
    table.pairs = pairs;
    table.first = info.areWhole ? 0 : sizes.past;
    std::vector<float> &out = isSine ? table.sine : table.cosine;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t pair = 0; pair < pairs; ++pair) {
        const double number = tensor->real(row * width + pair);
        // A table for all values of a head has each pair's number twice.
        if (width == info.dim && tensor->real(row * width + pair + pairs) != number)
          return invalid("expected rotary tables with the same numbers for both halves");
        out.push_back(static_cast<float>(number));
      }
  }
  if (table.sine.size() != table.cosine.size())
    return invalid("expected as many sines as cosines");
  return table;
}

absl::Status Analysis::findRotations() {
  llvm::SmallVector<int> tables;
  for (const Term *operation : program.order)
    if (operation->kind == Kind::Rope)
      tables.append({operation->rope.cosine, operation->rope.sine});
  if (tables.empty())
    return absl::OkStatus();
  const int64_t context = program.context, first = std::min<int64_t>(context, 2048);
  // Whole tables are those for the context: an If may choose others for short sequences.
  llvm::SmallVector<Sizes, 2> all;
  if (hasPast())
    all = {{context > 64 ? context - 64 : 1, std::min<int64_t>(context, 64)}, {0, first}};
  else
    all = {{0, context}, {0, first}};
  Evaluator atEnd(model, program.roles), atStart(model, program.roles);
  LATHE_RETURN_IF_ERROR(atEnd.run(all[0], tables));
  LATHE_RETURN_IF_ERROR(atStart.run(all[1], tables));
  std::map<std::tuple<int, int, int64_t>, Frequencies> known;
  for (const Term *operation : program.order) {
    if (operation->kind != Kind::Rope)
      continue;
    const RopeInfo &info = operation->rope;
    auto [entry, isNew] = known.try_emplace({info.cosine, info.sine, info.dim});
    if (isNew) {
      auto end = readTable(info, atEnd), start = readTable(info, atStart);
      if (!end.ok() || !start.ok())
        return about(*operation, end.ok() ? start.status() : end.status());
      if (info.areWhole && end->rows() < context)
        return about(*operation, "expected rotary tables for the context of " + llvm::Twine(context) +
                                     " positions, got " + llvm::Twine(end->rows()) + "; --context " +
                                     llvm::Twine(end->rows()) + " fits them");
      auto found = info.areWhole ? findFrequencies(*end, {}) : findFrequencies(*start, *end);
      if (!found.ok())
        return about(*operation, found.status());
      entry->second = *std::move(found);
    }
    program.rotations[operation] = entry->second;
  }
  return absl::OkStatus();
}

/// A layer begins after the last value before an attention through which everything passes, and ends where the next one
/// begins. The last layer ends with its last addition to the residual stream.
absl::Status Analysis::findLayers() {
  const auto &order = program.order;
  llvm::DenseMap<const Term *, size_t> numbers;
  std::vector<size_t> lastUser(order.size(), 0);
  for (auto [number, operation] : llvm::enumerate(order)) {
    numbers[operation] = number;
    lastUser[number] = number;
    for (const Term *argument : operation->arguments)
      if (auto found = numbers.find(argument); found != numbers.end())
        lastUser[found->second] = number;
  }
  std::vector<size_t> cuts, attentions;
  size_t reach = 0; // the last user of all operations before
  for (size_t i = 0; i < order.size(); ++i) {
    if (reach <= i && order[i]->kind != Kind::Append)
      cuts.push_back(i);
    reach = std::max(reach, lastUser[i]);
    if (order[i]->kind == Kind::Attention)
      attentions.push_back(i);
  }
  if (attentions.empty())
    return fileError(model.path, "expected a language model, got a graph without attention");
  std::vector<size_t> begins;
  for (size_t attention : attentions) {
    const auto after = llvm::lower_bound(cuts, attention);
    if (after == cuts.begin())
      return about(*order[attention], "expected a residual stream before the attention, got none");
    begins.push_back(*std::prev(after));
    if (begins.size() > 1 && begins[begins.size() - 2] >= begins.back())
      return about(*order[attention], "expected a residual stream between two attentions, got none");
  }
  size_t end = attentions.back();
  for (size_t cut : cuts)
    if (cut > end && order[cut]->kind == Kind::Add)
      end = cut;
  if (end == attentions.back())
    return about(*order[end], "expected an addition to the residual stream after the last attention, got none");
  for (size_t i = 0; i < begins.size(); ++i)
    program.layers.push_back({begins[i], i + 1 < begins.size() ? begins[i + 1] : end});
  return absl::OkStatus();
}

absl::Status Analysis::run(int64_t context, int64_t fallbackContext) {
  LATHE_ASSIGN_OR_RETURN(program.roles, findRoles(model));
  LATHE_ASSIGN_OR_RETURN(logits, findLogits(model));
  // Lengths that no head or layer count is.
  Sizes one = hasPast() ? Sizes{17, 31} : Sizes{0, 31}, other = hasPast() ? Sizes{5, 23} : Sizes{0, 23};
  absl::Status status = raise(one, program.raised, program.order);
  if (!status.ok() && hasPast()) {
    // onnxruntime-genai's builder writes masks that take a whole prompt without a past, then one token at a time.
    one.past = other.past = 0;
    hasShortPasts = false;
    program.raised = {};
    if (raise(one, program.raised, program.order).ok())
      status = absl::OkStatus();
  }
  LATHE_RETURN_IF_ERROR(status);
  Raised again;
  std::vector<const Term *> orderAgain;
  LATHE_RETURN_IF_ERROR(raise(other, again, orderAgain));
  if (describe(program.order) != describe(orderAgain))
    return fileError(model.path, "expected a graph that computes the same for sequences of any length, got one that "
                                 "does not");
  LATHE_RETURN_IF_ERROR(chooseContext(context, fallbackContext));
  LATHE_RETURN_IF_ERROR(findWindows());
  LATHE_RETURN_IF_ERROR(findRotations());
  return findLayers();
}

} // namespace

absl::StatusOr<std::unique_ptr<Program>> lathe::onnx::analyze(const ModelFile &model, int64_t context,
                                                              int64_t fallbackContext) {
  auto program = std::make_unique<Program>();
  LATHE_RETURN_IF_ERROR(Analysis(model, *program).run(context, fallbackContext));
  return program;
}
