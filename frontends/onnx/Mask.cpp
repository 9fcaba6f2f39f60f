#include "frontends/onnx/Mask.h"
#include "frontends/onnx/EvaluateOps.h"

using namespace lathe;
using namespace lathe::onnx;

absl::Status WindowFinder::add(const Tensor &mask, MaskForm form, bool isCausal, Sizes sizes) {
  Shape shape = mask.shape;
  while (shape.size() > 2 && shape.front() == 1)
    shape.erase(shape.begin());
  if (shape.size() == 3) {
    // A copy for each head.
    const int64_t size = shape[1] * shape[2];
    for (int64_t i = size; i < mask.size(); ++i)
      if (mask.real(i) != mask.real(i % size))
        return invalid("expected a mask that is the same for all heads, got different ones");
    shape.erase(shape.begin());
  }
  const Shape wanted = {sizes.length, sizes.total()};
  const std::optional<Shape> both = broadcast(shape, wanted);
  if (!both || *both != wanted)
    return invalid("expected a mask for " + llvm::Twine(sizes.length) + " tokens and " + llvm::Twine(sizes.total()) +
                   " positions");
  const BroadcastIndex index(shape, wanted);
  for (int64_t row = 0; row < sizes.length; ++row) {
    const int64_t position = sizes.past + row;
    auto sees = [&](int64_t j) -> std::optional<bool> {
      if (isCausal && j > position)
        return false;
      const int64_t i = index(row * sizes.total() + j);
      if (form == MaskForm::TrueIsVisible || form == MaskForm::TrueIsHidden)
        return (mask.integer(i) != 0) == (form == MaskForm::TrueIsVisible);
      const double value = mask.real(i);
      if (value == 0)
        return true;
      return value <= -1e4 ? std::optional<bool>(false) : std::nullopt;
    };
    int64_t begin = -1;
    for (int64_t j = 0; j < sizes.total(); ++j) {
      const std::optional<bool> visible = sees(j);
      if (!visible)
        return invalid("expected a mask of 0 and large negative numbers, got others");
      if (*visible && begin < 0)
        begin = j;
      if (*visible != (begin >= 0 && j <= position))
        return invalid("expected a mask that shows each token its own position and neighbours before it, got one that "
                       "shows position " +
                       llvm::Twine(position) + " something else");
    }
    if (begin < 0)
      return invalid("expected a mask that shows each token something, got one that shows position " +
                     llvm::Twine(position) + " nothing");
    begins.emplace_back(position, begin);
  }
  return absl::OkStatus();
}

absl::StatusOr<Window> WindowFinder::find() const {
  int64_t window = 0, chunk = 0;
  for (auto [position, begin] : begins)
    if (begin > 0) {
      window = position - begin + 1;
      // The first tokens of the second chunk see it from its begin on.
      if (chunk == 0 || begin < chunk)
        chunk = begin;
    }
  bool isWindow = true, isChunk = chunk > 0;
  for (auto [position, begin] : begins) {
    isWindow &= begin == (window == 0 ? 0 : std::max<int64_t>(position - window + 1, 0));
    isChunk &= chunk > 0 && begin == position / chunk * chunk;
  }
  if (isWindow)
    return Window{window, false};
  if (isChunk)
    return Window{chunk, true};
  return invalid("expected a mask that is full, a window or chunks, got another one");
}
