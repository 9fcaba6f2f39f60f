//===- Matrix.cpp - mma and ldmatrix ------------------------------------------------------------------------------===//
//
// Fragments as the PTX manual draws them. With g = lane / 4, t = lane % 4 and `per` elements in a register of 32 bits:
//   A [16 x k]: element e of register r is row g + 8 (r % 2), column per t + e + 4 per (r / 2)
//   B [k x 8]:  element e of register r is row per t + e + 4 per r, column g
//   C, D [16 x 8]: element i is row g + 8 (i / 2), column 2 t + i % 2
// All shapes m16n8k* of sm_80 follow these rules. Sums are made in double and rounded once; a device's order differs.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "Access.h"
#include "Handlers.h"

using namespace ptxsim;

namespace {

enum Element : uint32_t { IsHalf, IsBFloat, IsTensorFloat, IsByte };
// Instruction::mode of mma.
enum : uint32_t { ElementMask = 3, SignedA = 4, SignedB = 8, HalfResult = 16, Clamp = 32, DepthShift = 8 };

double elementOf(uint64_t bits, uint32_t element, int index, bool isSigned) {
  switch (element) {
  case IsHalf:
    return Half::toFloat(uint16_t(bits >> 16 * index));
  case IsBFloat:
    return BFloat::toFloat(uint16_t(bits >> 16 * index));
  case IsTensorFloat:
    return as<float>(bits & ~uint64_t(0x1fff)); // 10 bits of mantissa
  default:
    return isSigned ? double(int8_t(bits >> 8 * index)) : double(uint8_t(bits >> 8 * index));
  }
}

struct Tile {
  double a[16][32], b[32][8], c[16][8];
};

void multiply(Warp &w, const Instruction &i, uint32_t on) {
  Tile tile;
  uint32_t element = i.mode & ElementMask;
  int depth = int(i.mode >> DepthShift);
  int per = element == IsByte ? 4 : element == IsTensorFloat ? 1 : 2;
  int countA = 4 * depth / (8 * per), countB = countA / 2;
  bool isHalf = i.mode & HalfResult;
  const Operand *a = i.more + i.moreResults, *b = a + countA, *c = b + countB;
  eachLane(on, [&](int lane) {
    int g = lane / 4, t = lane % 4;
    for (int r = 0; r < countA; ++r)
      for (int e = 0; e < per; ++e)
        tile.a[g + 8 * (r % 2)][per * t + e + 4 * per * (r / 2)] =
            elementOf(w.get(a[r], lane), element, e, i.mode & SignedA);
    for (int r = 0; r < countB; ++r)
      for (int e = 0; e < per; ++e)
        tile.b[per * t + e + 4 * per * r][g] = elementOf(w.get(b[r], lane), element, e, i.mode & SignedB);
    for (int k = 0; k < 4; ++k) {
      double &to = tile.c[g + 8 * (k / 2)][2 * t + k % 2];
      if (isHalf)
        to = Half::toFloat(uint16_t(w.get(c[k / 2], lane) >> 16 * (k % 2)));
      else
        to = element == IsByte ? double(as<int32_t>(w.get(c[k], lane))) : double(as<float>(w.get(c[k], lane)));
    }
  });
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < depth; ++k)
      for (int column = 0; column < 8; ++column) // becomes vector code
        tile.c[row][column] += tile.a[row][k] * tile.b[k][column];
  eachLane(on, [&](int lane) {
    uint64_t bits[4];
    for (int k = 0; k < 4; ++k) {
      double value = tile.c[lane / 4 + 8 * (k / 2)][2 * (lane % 4) + k % 2];
      if (isHalf)
        bits[k] = Half::fromFloat(oddFloat(value));
      else if (element != IsByte)
        bits[k] = std::isnan(value) ? 0x7fffffff : bitsOf(float(value));
      else // exact in double; without .satfinite it wraps round
        bits[k] =
            uint32_t(i.mode & Clamp ? int64_t(std::fmin(std::fmax(value, INT32_MIN), INT32_MAX)) : int64_t(value));
    }
    if (isHalf) {
      w.set(i.more[0], lane, bits[0] | bits[1] << 16);
      w.set(i.more[1], lane, bits[2] | bits[3] << 16);
    } else {
      for (int k = 0; k < 4; ++k)
        w.set(i.more[k], lane, bits[k]);
    }
  });
}

const std::vector<Operand> &list(const Statement &s, size_t at, size_t count) {
  const Argument &argument = s.arguments[at];
  if (argument.kind == Argument::Address || argument.kind == Argument::Name || argument.items.size() != count)
    refuse(format("operand %zu: expected %zu registers", at + 1, count));
  return argument.items;
}

void decodeMma(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  bool isPlain = op.take("sync") && op.take("aligned");
  static const int depths[] = {4, 8, 16, 32};
  int shape = op.takeOneOf({"m16n8k4", "m16n8k8", "m16n8k16", "m16n8k32"});
  isPlain = isPlain && op.take("row") && op.take("col");
  bool isClamping = op.take("satfinite");
  Type d = op.takeType(), a = op.takeType(), b = op.takeType(), c = op.takeType();
  s.expect(4, 4);
  if (!isPlain || shape < 0)
    refuse("expected .sync.aligned, a shape of m16n8k4 to m16n8k32 and .row.col");
  int depth = depths[shape];
  bool isByte = (a.kind == 's' || a.kind == 'u') && a.bits == 8;
  uint32_t element = a.kind == 'h' ? IsHalf : a.kind == 'w' ? IsBFloat : a.kind == 't' ? IsTensorFloat : IsByte;
  bool isHalf = d == Type{'h', 16};
  bool areTypes = isByte ? (b.kind == 's' || b.kind == 'u') && b.bits == 8 && d == Type{'s', 32}
                         : a == b && element != IsByte && (d == Type{'f', 32} || (isHalf && element == IsHalf));
  bool isDepth = isByte ? depth >= 16 : element == IsTensorFloat ? depth <= 8 : depth == 8 || depth == 16;
  if (!areTypes || !(c == d) || !isDepth || (isClamping && !isByte))
    refuse("unknown types for this shape");
  int per = isByte ? 4 : element == IsTensorFloat ? 1 : 2;
  size_t countA = 4 * depth / (8 * per), countB = countA / 2, countC = isHalf ? 2 : 4;
  std::vector<Operand> sources = list(s, 1, countA);
  for (size_t at : {2, 3}) {
    const std::vector<Operand> &more = list(s, at, at == 2 ? countB : countC);
    sources.insert(sources.end(), more.begin(), more.end());
  }
  pool.keep(i, list(s, 0, countC), sources);
  i.mode = element | (a.kind == 's' ? SignedA : 0) | (b.kind == 's' ? SignedB : 0) | (isHalf ? HalfResult : 0) |
           (isClamping ? Clamp : 0) | uint32_t(depth) << DepthShift;
  i.kind = Kind::Collective;
  i.isAligned = true;
  i.run = multiply;
}

/// Lane 8 m + r names row r (16 bytes) of matrix m. A lane gets two neighbours of row lane / 4; with .trans (mode 1) of
/// column lane / 4.
void loadMatrix(Warp &w, const Instruction &i, uint32_t on) {
  uint8_t rows[4][8][16] = {};
  for (int m = 0; m < i.moreResults; ++m)
    for (int r = 0; r < 8; ++r) {
      int lane = 8 * m + r;
      const uint8_t *from = reach(w, lane, Space::Shared, w.get(i.a, lane) + i.offset, 16, 16, {.isRead = true});
      std::memcpy(rows[m][r], from, 16);
    }
  if (w.launch->counts) { // a matrix is one access of 8 rows
    for (int m = 0; m < i.moreResults; ++m)
      countAccess(w, i, 0xffu << 8 * m, 16, false);
  }
  eachLane(on, [&](int lane) {
    int g = lane / 4, t = lane % 4;
    for (int m = 0; m < i.moreResults; ++m) {
      auto at = [&](int row, int column) { return loadElement(rows[m][row] + 2 * column, 2); };
      uint64_t low = i.mode ? at(2 * t, g) : at(g, 2 * t), high = i.mode ? at(2 * t + 1, g) : at(g, 2 * t + 1);
      w.set(i.more[m], lane, low | high << 16);
    }
  });
}

void decodeLoadMatrix(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  bool isPlain = op.take("sync") && op.take("aligned") && op.take("m8n8");
  int count = op.takeOneOf({"x1", "x2", "x4"});
  i.mode = op.take("trans");
  op.takeOneOf({"shared", "shared::cta"});
  Type type = op.takeType();
  s.expect(2, 2);
  if (!isPlain || count < 0 || !(type == Type{'b', 16}))
    refuse("expected .sync.aligned.m8n8, .x1, .x2 or .x4, and .b16");
  pool.keep(i, list(s, 0, 1 << count), {});
  const Argument &address = s.address(1);
  i.a = address.items[0];
  i.offset = address.offset;
  i.space = Space::Shared;
  i.kind = Kind::Collective;
  i.isAligned = true;
  i.run = loadMatrix;
}

} // namespace

std::span<const DecoderEntry> ptxsim::matrixDecoders() {
  static const DecoderEntry table[] = {{"mma", decodeMma}, {"ldmatrix", decodeLoadMatrix}};
  return table;
}
