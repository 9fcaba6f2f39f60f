//===- Rowwise.cpp - kernels that go over rows: sums, norms, activations
//------------------------------===//

#include "compiler/codegen/kernels/Kernels.h"

using namespace lathe;

void lathe::expand(kernel::ZeroOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(),
                 [&](int64_t lanes, Value column) { e.store(e.number(e.f32s(lanes), 0), op.getOut(), {row, column}); });
  });
}

void lathe::expand(kernel::AddOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value lhs = e.load(e.f32s(lanes), op.getLhs(), {row, column});
      Value rhs = e.load(e.f32s(lanes), op.getRhs(), {row, column});
      e.store(e.add(lhs, rhs), op.getOut(), {row, column});
    });
  });
}

void lathe::expand(kernel::CopyOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      e.store(e.load(e.f32s(lanes), op.getInput(), {row, column}), op.getOut(), {row, column});
    });
  });
}

void lathe::expand(kernel::ConcatOp op, Emitter &e) {
  int64_t left = Emitter::staticColumns(op.getLhs());
  e.forRows(op.getOut(), [&](Value row) {
    for (auto [from, first] : {std::pair(op.getLhs(), int64_t(0)), {op.getRhs(), left}})
      e.forVectors(from, [&, from = from, first = first](int64_t lanes, Value column) {
        e.store(e.load(e.f32s(lanes), from, {row, column}), op.getOut(), {row, e.add(column, first)});
      });
  });
}

void lathe::expand(kernel::ScaleOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getOut(), {row, column});
      e.store(e.mul(x, e.number(x.getType(), op.getFactor().convertToDouble())), op.getOut(), {row, column});
    });
  });
}

/// f32s of a vector weight from its value `column` on.
static Value loadWeight(Emitter &e, Value weight, int64_t lanes, Value column) {
  auto [area, place] = getAreaAndPlace(weight);
  Value bytes = e.load(e.i8s(4 * lanes), area, e.add(place, e.mul(column, 4)));
  return e.bitcast(e.f32s(lanes), bytes);
}

void lathe::expand(kernel::AddBiasOp op, Emitter &e) {
  auto addFrom = [&](Value first) {
    e.forRows(op.getOut(), [&](Value row) {
      e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
        Value bias = loadWeight(e, op.getBias(), lanes, e.add(first, column));
        Value out = e.load(e.f32s(lanes), op.getOut(), {row, column});
        e.store(e.add(out, bias), op.getOut(), {row, column});
      });
    });
  };
  if (op.getExpert())
    e.forExpert(op.getExpert(), [&](Value number) { addFrom(e.add(e.mul(number, op.getEach()), op.getFirst())); });
  else
    addFrom(op.getFirst());
}

void lathe::expand(kernel::ScaleRowsOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    Value factor = e.loadScalar(op.getFactors(), {row, e.index(0)});
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getOut(), {row, column});
      e.store(e.mul(x, e.splat(factor, lanes)), op.getOut(), {row, column});
    });
  });
}

void lathe::expand(kernel::NormOp op, Emitter &e) {
  int64_t size = op.getGroup(), lanes = Emitter::lanesFor(size);
  Value zero = e.index(0), end = e.index(size);
  e.forRows(op.getInput(), [&](Value row) {
    e.loop(zero, e.columnsOf(op.getInput()), size, [&](Value group) {
      auto meanOf = [&](function_ref<Value(Value x, Value sum)> add) {
        Value sums = e.loop(zero, end, lanes, e.number(e.f32s(lanes), 0), [&](Value column, ValueRange sums) {
          Value x = e.load(e.f32s(lanes), op.getInput(), {row, e.add(group, column)});
          return SmallVector<Value>{add(x, sums[0])};
        })[0];
        return e.div(e.sum(sums), e.number(e.getF32Type(), size));
      };
      // Layer norm takes the mean off first: the difference of large squares would lose it.
      Value middle;
      if (op.getBias())
        middle = e.splat(meanOf([&](Value x, Value sum) { return e.add(sum, x); }), lanes);
      auto centred = [&](Value x) { return middle ? e.sub(x, middle) : x; };
      Value mean = meanOf([&](Value x, Value sum) { return e.fma(centred(x), centred(x), sum); });
      Value root = math::SqrtOp::create(e, e.add(mean, e.number(e.getF32Type(), op.getEps().convertToDouble())));
      Value scale = e.splat(e.div(e.number(e.getF32Type(), 1), root), lanes);
      e.loop(zero, end, lanes, [&](Value column) {
        Value at = e.add(group, column);
        Value x = e.load(e.f32s(lanes), op.getInput(), {row, at});
        Value y = e.mul(centred(x), scale);
        if (op.getWeight())
          y = e.mul(y, loadWeight(e, op.getWeight(), lanes, column));
        if (op.getBias())
          y = e.add(y, loadWeight(e, op.getBias(), lanes, column));
        e.store(y, op.getOut(), {row, at});
      });
    });
  });
}

static Value activate(Emitter &e, lm::Activation activation, Value x) {
  if (activation == lm::Activation::Silu)
    return e.mul(x, e.sigmoid(x));
  if (activation == lm::Activation::Sigmoid)
    return e.sigmoid(x);
  if (activation == lm::Activation::QuickGelu)
    return e.mul(x, e.sigmoid(e.mul(x, e.number(x.getType(), 1.702))));
  // (1 + tanh z) / 2 = sigmoid(2 z)
  Value cubic = e.fma(e.mul(x, e.number(x.getType(), 0.044715)), e.mul(x, x), x);
  return e.mul(x, e.sigmoid(e.mul(cubic, e.number(x.getType(), 2 * 0.79788456080286535588))));
}

void lathe::expand(kernel::ActivationOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getOut(), {row, column});
      e.store(activate(e, op.getActivation(), x), op.getOut(), {row, column});
    });
  });
}

void lathe::expand(kernel::GluOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value gate = e.load(e.f32s(lanes), op.getGate(), {row, column});
      Value up = e.load(e.f32s(lanes), op.getUp(), {row, column});
      auto number = [&](double value) { return e.number(up.getType(), value); };
      if (double limit = op.getLimit().convertToDouble(); limit != 0) {
        gate = e.minimum(gate, number(limit));
        up = e.maximum(e.minimum(up, number(limit)), number(-limit));
      }
      if (double offset = op.getUpOffset().convertToDouble(); offset != 0)
        up = e.add(up, number(offset));
      e.store(e.mul(activate(e, op.getActivation(), gate), up), op.getOut(), {row, column});
    });
  });
}

/// cap * tanh(x / cap).
static Value softcap(Emitter &e, Value x, double cap) {
  auto c = [&](double value) { return e.number(x.getType(), value); };
  Value z = e.mul(x, c(1 / cap)), square = e.mul(z, z);
  // tanh z = 2 sigmoid(2 z) - 1, of which little is left where z is small: there its series, to 2e-8.
  Value large = e.fma(e.sigmoid(e.mul(z, c(2))), c(2 * cap), c(-cap)), series = c(62.0 / 2835);
  for (double coefficient : {-17.0 / 315, 2.0 / 15, -1.0 / 3, 1.0})
    series = e.fma(series, square, c(coefficient));
  return e.select(e.less(square, c(1.0 / 16)), e.mul(x, series), large);
}

void lathe::expand(kernel::SoftcapOp op, Emitter &e) {
  double cap = op.getCap().convertToDouble();
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getOut(), {row, column});
      e.store(softcap(e, x, cap), op.getOut(), {row, column});
    });
  });
}
