//===- Rowwise.cpp - kernels that go over rows: sums, norms, activations ------------------------------------------===//

#include "compiler/codegen/kernels/Rowwise.h"

namespace lathe {

static void expand(kernel::ZeroOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(),
                 [&](int64_t lanes, Value column) { e.store(e.number(e.f32s(lanes), 0), op.getOut(), {row, column}); });
  });
}

static void expand(kernel::AddOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value lhs = e.load(e.f32s(lanes), op.getLhs(), {row, column});
      Value rhs = e.load(e.f32s(lanes), op.getRhs(), {row, column});
      e.store(e.add(lhs, rhs), op.getOut(), {row, column});
    });
  });
}

static void expand(kernel::CopyOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      e.store(e.load(e.f32s(lanes), op.getInput(), {row, column}), op.getOut(), {row, column});
    });
  });
}

static void expand(kernel::ConcatOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    int64_t first = 0;
    for (Value from : op.getInputs()) {
      e.forVectors(from, [&](int64_t lanes, Value column) {
        e.store(e.load(e.f32s(lanes), from, {row, column}), op.getOut(), {row, e.add(column, first)});
      });
      first += Emitter::staticColumns(from);
    }
  });
}

static void expand(kernel::ScaleOp op, Emitter &e) {
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

static void expand(kernel::AddBiasOp op, Emitter &e) {
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

static void expand(kernel::ScaleRowsOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    Value factor = e.loadScalar(op.getFactors(), {row, e.index(0)});
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getOut(), {row, column});
      e.store(e.mul(x, e.splat(factor, lanes)), op.getOut(), {row, column});
    });
  });
}

static void expand(kernel::MultiplyOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getInput(), {row, column});
      e.store(e.mul(x, loadWeight(e, op.getWeight(), lanes, column)), op.getOut(), {row, column});
    });
  });
}

/// The mean over a row of what `term` makes of its values.
static Value meanOf(Emitter &e, Value rows, Value row, function_ref<Value(Value x)> term) {
  int64_t columns = Emitter::staticColumns(rows), lanes = Emitter::lanesFor(columns);
  Value sums = e.loop(e.index(0), e.index(columns), lanes, e.number(e.f32s(lanes), 0), [&](Value i, ValueRange sums) {
    return SmallVector<Value>{e.add(sums[0], term(e.load(e.f32s(lanes), rows, {row, i})))};
  })[0];
  return e.div(e.sum(sums), e.number(e.getF32Type(), columns));
}

static void expand(kernel::SparsifyOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    Value mean = meanOf(e, op.getInput(), row, [](Value x) { return x; });
    Value variance = meanOf(e, op.getInput(), row, [&](Value x) {
      Value centred = e.sub(x, e.splat(mean, cast<VectorType>(x.getType()).getNumElements()));
      return e.mul(centred, centred);
    });
    Value deviations = e.number(e.getF32Type(), op.getDeviations().convertToDouble());
    Value limit = e.add(mean, e.mul(math::SqrtOp::create(e, variance), deviations));
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.sub(e.load(e.f32s(lanes), op.getInput(), {row, column}), e.splat(limit, lanes));
      e.store(e.maximum(x, e.number(x.getType(), 0)), op.getOut(), {row, column});
    });
  });
}

static void expand(kernel::MatchMagnitudeOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    auto square = [&](Value x) { return e.mul(x, x); };
    Value own =
        e.maximum(meanOf(e, op.getInput(), row, square), e.number(e.getF32Type(), op.getEps().convertToDouble()));
    Value like = meanOf(e, op.getLike(), row, square);
    Value factor = e.div(math::SqrtOp::create(e, like), math::SqrtOp::create(e, own));
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getInput(), {row, column});
      e.store(e.mul(x, e.splat(factor, lanes)), op.getOut(), {row, column});
    });
  });
}

/// Every stream of a row at the columns of one of them: `body` gets vectors of all and makes as many.
static void forStreams(Emitter &e, Value streams, Value out, int64_t count, Value row,
                       function_ref<void(int64_t lanes, Value column, MutableArrayRef<Value> x)> body) {
  int64_t width = Emitter::staticColumns(streams) / count, lanes = Emitter::lanesFor(width);
  e.loop(e.index(0), e.index(width), lanes, [&](Value column) {
    SmallVector<Value> x;
    for (int64_t b = 0; b < count; ++b)
      x.push_back(e.load(e.f32s(lanes), streams, {row, e.add(column, b * width)}));
    body(lanes, column, x);
    for (int64_t b = 0; b < count; ++b)
      e.store(x[b], out, {row, e.add(column, b * width)});
  });
}

static void expand(kernel::AltUpPredictOp op, Emitter &e) {
  int64_t count = 1;
  while (count * count < Emitter::staticColumns(op.getCoefficients()))
    ++count;
  e.forRows(op.getOut(), [&](Value row) {
    forStreams(e, op.getStreams(), op.getOut(), count, row, [&](int64_t lanes, Value, MutableArrayRef<Value> x) {
      SmallVector<Value> sums(x.begin(), x.end());
      for (int64_t b = 0; b < count; ++b)
        for (int64_t a = 0; a < count; ++a) {
          Value coefficient = e.loadScalar(op.getCoefficients(), {row, e.index(count * b + a)});
          sums[b] = e.fma(x[a], e.splat(coefficient, lanes), sums[b]);
        }
      llvm::copy(sums, x.begin());
    });
  });
}

static void expand(kernel::AltUpCorrectOp op, Emitter &e) {
  int64_t count = Emitter::staticColumns(op.getCoefficients());
  e.forRows(op.getOut(), [&](Value row) {
    forStreams(e, op.getStreams(), op.getOut(), count, row, [&](int64_t lanes, Value column, MutableArrayRef<Value> p) {
      Value news = e.sub(e.load(e.f32s(lanes), op.getActivated(), {row, column}), p[0]);
      for (int64_t b = 0; b < count; ++b) {
        Value coefficient = e.loadScalar(op.getCoefficients(), {row, e.index(b)});
        Value factor = e.splat(e.add(coefficient, e.number(e.getF32Type(), 1)), lanes);
        p[b] = e.fma(news, factor, p[b]);
      }
    });
  });
}

static void expand(kernel::AltUpInjectOp op, Emitter &e) {
  int64_t count = Emitter::staticColumns(op.getStreams()) / Emitter::staticColumns(op.getInput());
  e.forRows(op.getOut(), [&](Value row) {
    forStreams(e, op.getStreams(), op.getOut(), count, row, [&](int64_t lanes, Value column, MutableArrayRef<Value> x) {
      Value added = e.load(e.f32s(lanes), op.getInput(), {row, column});
      for (Value &stream : x.drop_front())
        stream = e.add(stream, added);
    });
  });
}

static void expand(kernel::NormOp op, Emitter &e) {
  int64_t size = op.getGroup(), lanes = Emitter::lanesFor(size);
  Value zero = e.index(0), end = e.index(size);
  e.forRows(op.getInput(), [&](Value row) {
    e.loop(zero, e.columnsOf(op.getInput()), size, [&](Value group) {
      // One chain of additions would wait for each of them.
      int64_t chains = size % (4 * lanes) == 0 ? 4 : 1;
      auto meanOf = [&](function_ref<Value(Value x, Value sum)> add) {
        SmallVector<Value> none(chains, e.number(e.f32s(lanes), 0));
        SmallVector<Value> sums = e.loop(zero, end, chains * lanes, none, [&](Value column, ValueRange before) {
          SmallVector<Value> sums(before);
          for (auto [chain, sum] : llvm::enumerate(sums)) {
            Value at = e.add(e.add(group, column), chain * lanes);
            sum = add(e.load(e.f32s(lanes), op.getInput(), {row, at}), sum);
          }
          return sums;
        });
        for (Value sum : ArrayRef(sums).drop_front())
          sums[0] = e.add(sums[0], sum);
        return e.div(e.sum(sums[0]), e.number(e.getF32Type(), size));
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

static Value activate(Emitter &e, lm::Activation activation, Value x) {
  if (activation == lm::Activation::Silu)
    return e.mul(x, e.sigmoid(x));
  if (activation == lm::Activation::Sigmoid)
    return e.sigmoid(x);
  if (activation == lm::Activation::Tanh)
    return softcap(e, x, 1);
  if (activation == lm::Activation::QuickGelu)
    return e.mul(x, e.sigmoid(e.mul(x, e.number(x.getType(), 1.702))));
  // (1 + tanh z) / 2 = sigmoid(2 z)
  Value cubic = e.fma(e.mul(x, e.number(x.getType(), 0.044715)), e.mul(x, x), x);
  return e.mul(x, e.sigmoid(e.mul(cubic, e.number(x.getType(), 2 * 0.79788456080286535588))));
}

static void expand(kernel::ActivationOp op, Emitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getOut(), {row, column});
      e.store(activate(e, op.getActivation(), x), op.getOut(), {row, column});
    });
  });
}

static void expand(kernel::GluOp op, Emitter &e) {
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
      Value product = e.mul(activate(e, op.getActivation(), gate), up);
      bool isRounded = op.getOut().getType().getElementType().isBF16();
      e.store(isRounded ? e.toBF16(product) : product, op.getOut(), {row, column});
    });
  });
}

static void expand(kernel::SoftcapOp op, Emitter &e) {
  double cap = op.getCap().convertToDouble();
  e.forRows(op.getOut(), [&](Value row) {
    e.forVectors(op.getOut(), [&](int64_t lanes, Value column) {
      Value x = e.load(e.f32s(lanes), op.getOut(), {row, column});
      e.store(softcap(e, x, cap), op.getOut(), {row, column});
    });
  });
}

void addRowwise(Expansions &table) {
  table.add<kernel::ZeroOp, kernel::AddOp, kernel::CopyOp, kernel::ConcatOp, kernel::ScaleOp, kernel::AddBiasOp,
            kernel::ScaleRowsOp, kernel::MultiplyOp, kernel::SparsifyOp, kernel::MatchMagnitudeOp,
            kernel::AltUpPredictOp, kernel::AltUpCorrectOp, kernel::AltUpInjectOp, kernel::NormOp, kernel::ActivationOp,
            kernel::GluOp, kernel::SoftcapOp>();
}

} // namespace lathe
