//===- Rowwise.cpp - kernels that go over rows: sums, norms, activations ------------------------------------------===//

#include "compiler/codegen/kernels/Rowwise.h"

namespace lathe {

static void expand(kernel::ZeroOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) { e.store(e.number(e.f32s(run.count), 0), op.getOut(), row, run); });
  });
}

static void expand(kernel::AddOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) {
      Value lhs = e.load(op.getLhs(), row, run);
      Value rhs = e.load(op.getRhs(), row, run);
      e.store(e.add(lhs, rhs), op.getOut(), row, run);
    });
  });
}

static void expand(kernel::CopyOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) { e.store(e.load(op.getInput(), row, run), op.getOut(), row, run); });
  });
}

static void expand(kernel::ConcatOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    int64_t first = 0;
    for (Value from : op.getInputs()) {
      e.forRuns(from, [&](Run run) {
        e.store(e.load(from, row, run), op.getOut(), row, run.from(e.add(run.column, first)));
      });
      first += RowEmitter::staticColumns(from);
    }
  });
}

static void expand(kernel::ScaleOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) {
      Value x = e.load(op.getOut(), row, run);
      e.store(e.mul(x, e.number(x.getType(), op.getFactor().convertToDouble())), op.getOut(), row, run);
    });
  });
}

static void expand(kernel::AddBiasOp op, RowEmitter &e) {
  auto addFrom = [&](Value first) {
    e.forRows(op.getOut(), [&](Value row) {
      e.forRuns(op.getOut(), [&](Run run) {
        Value bias = e.loadWeight(op.getBias(), run.from(e.add(first, run.column)));
        Value out = e.load(op.getOut(), row, run);
        e.store(e.add(out, bias), op.getOut(), row, run);
      });
    });
  };
  if (op.getExpert())
    e.forExpert(op.getExpert(), [&](Value number) { addFrom(e.add(e.mul(number, op.getEach()), op.getFirst())); });
  else
    addFrom(op.getFirst());
}

static void expand(kernel::ScaleRowsOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    Value factor = e.loadScalar(op.getFactors(), {row, e.index(0)});
    e.forRuns(op.getOut(), [&](Run run) {
      Value x = e.load(op.getOut(), row, run);
      e.store(e.mul(x, e.splat(factor, run.count)), op.getOut(), row, run);
    });
  });
}

static void expand(kernel::MultiplyOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) {
      Value x = e.load(op.getInput(), row, run);
      e.store(e.mul(x, e.loadWeight(op.getWeight(), run)), op.getOut(), row, run);
    });
  });
}

/// The mean of `term` over the values of a row.
static Value meanOf(RowEmitter &e, Value rows, Value row, function_ref<Value(Value x, int64_t count)> term) {
  int64_t columns = RowEmitter::staticColumns(rows);
  Value sum = e.sum(e.index(0), columns, /*chains=*/1,
                    [&](Run run, Value sum) { return e.add(sum, term(e.load(rows, row, run), run.count)); });
  return e.div(sum, e.number(e.getF32Type(), columns));
}

static void expand(kernel::SparsifyOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    Value mean = meanOf(e, op.getInput(), row, [](Value x, int64_t) { return x; });
    Value variance = meanOf(e, op.getInput(), row, [&](Value x, int64_t count) {
      Value centred = e.sub(x, e.splat(mean, count));
      return e.mul(centred, centred);
    });
    Value deviations = e.number(e.getF32Type(), op.getDeviations().convertToDouble());
    Value limit = e.add(mean, e.mul(math::SqrtOp::create(e, variance), deviations));
    e.forRuns(op.getOut(), [&](Run run) {
      Value x = e.sub(e.load(op.getInput(), row, run), e.splat(limit, run.count));
      e.store(e.maximum(x, e.number(x.getType(), 0)), op.getOut(), row, run);
    });
  });
}

static void expand(kernel::MatchMagnitudeOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    auto square = [&](Value x, int64_t) { return e.mul(x, x); };
    Value own =
        e.maximum(meanOf(e, op.getInput(), row, square), e.number(e.getF32Type(), op.getEps().convertToDouble()));
    Value like = meanOf(e, op.getLike(), row, square);
    Value factor = e.div(math::SqrtOp::create(e, like), math::SqrtOp::create(e, own));
    e.forRuns(op.getOut(), [&](Run run) {
      Value x = e.load(op.getInput(), row, run);
      e.store(e.mul(x, e.splat(factor, run.count)), op.getOut(), row, run);
    });
  });
}

/// AltUp: `body` gets the values of all streams at the same columns, and returns as many.
static void forStreams(RowEmitter &e, Value streams, Value out, int64_t count, Value row,
                       function_ref<void(Run run, MutableArrayRef<Value> x)> body) {
  int64_t width = RowEmitter::staticColumns(streams) / count;
  e.forRuns(width, [&](Run run) {
    SmallVector<Value> x;
    for (int64_t b = 0; b < count; ++b)
      x.push_back(e.load(streams, row, run.from(e.add(run.column, b * width))));
    body(run, x);
    for (int64_t b = 0; b < count; ++b)
      e.store(x[b], out, row, run.from(e.add(run.column, b * width)));
  });
}

static void expand(kernel::AltUpPredictOp op, RowEmitter &e) {
  int64_t count = 1;
  while (count * count < RowEmitter::staticColumns(op.getCoefficients()))
    ++count;
  e.forRows(op.getOut(), [&](Value row) {
    forStreams(e, op.getStreams(), op.getOut(), count, row, [&](Run run, MutableArrayRef<Value> x) {
      SmallVector<Value> sums(x.begin(), x.end());
      for (int64_t b = 0; b < count; ++b)
        for (int64_t a = 0; a < count; ++a) {
          Value coefficient = e.loadScalar(op.getCoefficients(), {row, e.index(count * b + a)});
          sums[b] = e.fma(x[a], e.splat(coefficient, run.count), sums[b]);
        }
      llvm::copy(sums, x.begin());
    });
  });
}

static void expand(kernel::AltUpCorrectOp op, RowEmitter &e) {
  int64_t count = RowEmitter::staticColumns(op.getCoefficients());
  e.forRows(op.getOut(), [&](Value row) {
    forStreams(e, op.getStreams(), op.getOut(), count, row, [&](Run run, MutableArrayRef<Value> p) {
      Value news = e.sub(e.load(op.getActivated(), row, run), p[0]);
      for (int64_t b = 0; b < count; ++b) {
        Value coefficient = e.loadScalar(op.getCoefficients(), {row, e.index(b)});
        Value factor = e.splat(e.add(coefficient, e.number(e.getF32Type(), 1)), run.count);
        p[b] = e.fma(news, factor, p[b]);
      }
    });
  });
}

static void expand(kernel::AltUpInjectOp op, RowEmitter &e) {
  int64_t count = RowEmitter::staticColumns(op.getStreams()) / RowEmitter::staticColumns(op.getInput());
  e.forRows(op.getOut(), [&](Value row) {
    forStreams(e, op.getStreams(), op.getOut(), count, row, [&](Run run, MutableArrayRef<Value> x) {
      Value added = e.load(op.getInput(), row, run);
      for (Value &stream : x.drop_front())
        stream = e.add(stream, added);
    });
  });
}

static void expand(kernel::NormOp op, RowEmitter &e) {
  int64_t size = op.getGroup(), count = e.countFor(size);
  e.forRows(op.getInput(), [&](Value row) {
    e.loop(e.index(0), e.columnsOf(op.getInput()), size, [&](Value group) {
      // Several independent sums: a single one would wait for each addition.
      auto meanOf = [&](function_ref<Value(Value x, Value sum)> add) {
        Value sum = e.sum(group, size, /*chains=*/4,
                          [&](Run run, Value sum) { return add(e.load(op.getInput(), row, run), sum); });
        return e.div(sum, e.number(e.getF32Type(), size));
      };
      // Layer norm subtracts the mean first: E[x^2] - E[x]^2 would lose precision where the mean is large.
      Value middle;
      if (op.getBias())
        middle = e.splat(meanOf([&](Value x, Value sum) { return e.add(sum, x); }), count);
      auto centred = [&](Value x) { return middle ? e.sub(x, middle) : x; };
      Value mean = meanOf([&](Value x, Value sum) { return e.fma(centred(x), centred(x), sum); });
      Value root = math::SqrtOp::create(e, e.add(mean, e.number(e.getF32Type(), op.getEps().convertToDouble())));
      Value scale = e.splat(e.div(e.number(e.getF32Type(), 1), root), count);
      e.forRuns(size, [&](Run run) {
        Run at = run.from(e.add(group, run.column));
        Value y = e.mul(centred(e.load(op.getInput(), row, at)), scale);
        if (op.getWeight())
          y = e.mul(y, e.loadWeight(op.getWeight(), run));
        if (op.getBias())
          y = e.add(y, e.loadWeight(op.getBias(), run));
        e.store(y, op.getOut(), row, at);
      });
    });
  });
}

static void expand(kernel::RoundOp op, RowEmitter &e) {
  e.forRows(op.getInput(), [&](Value row) {
    e.forRuns(op.getInput(),
              [&](Run run) { e.store(e.toBF16(e.load(op.getInput(), row, run)), op.getOut(), row, run); });
  });
}

static void expand(kernel::GatherOp op, RowEmitter &e) {
  int64_t columns = RowEmitter::staticColumns(op.getInput());
  e.forRows(op.getOut(), [&](Value row) {
    Value from = e.loadScalar(op.getRows(), {row, e.index(0)});
    e.ifThen(e.lessEqual(e.number(from.getType(), 0), from), [&] {
      Value at = e.cast(from, e.getIndexType());
      e.forRuns(columns, [&](Run run) { e.store(e.load(op.getInput(), at, run), op.getOut(), row, run); });
    });
  });
}

static void expand(kernel::CombineOp op, RowEmitter &e) {
  int64_t top = RowEmitter::staticColumns(op.getWeights());
  e.forRows(op.getOut(), [&](Value row) {
    Value gate;
    if (op.getGate())
      gate = e.ofScalar(e.loadScalar(op.getGate(), {row, e.index(0)}), [&](Value x) { return e.sigmoid(x); });
    SmallVector<Value> from, weights; // of each expert
    for (int64_t k = 0; k < top; ++k) {
      Value part = e.index(k);
      from.push_back(op.getSlots() ? e.cast(e.loadScalar(op.getSlots(), {row, part}), e.getIndexType()) : part);
      if (!op.getUnweighted())
        weights.push_back(e.loadScalar(op.getWeights(), {row, part}));
    }
    e.forRuns(op.getOut(), [&](Run run) {
      Value sum = e.number(e.f32s(run.count), 0);
      if (op.getShared()) {
        sum = e.load(op.getShared(), row, run);
        sum = gate ? e.mul(sum, e.splat(gate, run.count)) : sum;
      }
      for (auto [k, slot] : llvm::enumerate(from)) {
        Value x = e.load(op.getInput(), slot, run);
        sum = op.getUnweighted() ? e.add(sum, x) : e.fma(x, e.splat(weights[k], run.count), sum);
      }
      e.store(sum, op.getOut(), row, run);
    });
  });
}

/// cap * tanh(x / cap).
static Value softcap(RowEmitter &e, Value x, double cap) {
  auto c = [&](double value) { return e.number(x.getType(), value); };
  Value z = e.mul(x, c(1 / cap)), square = e.mul(z, z);
  // tanh z = 2 sigmoid(2 z) - 1 loses precision where z is small: there the series, with an error of 2e-8.
  Value large = e.fma(e.sigmoid(e.mul(z, c(2))), c(2 * cap), c(-cap)), series = c(62.0 / 2835);
  for (double coefficient : {-17.0 / 315, 2.0 / 15, -1.0 / 3, 1.0})
    series = e.fma(series, square, c(coefficient));
  return e.select(e.less(square, c(1.0 / 16)), e.mul(x, series), large);
}

static Value activate(RowEmitter &e, lm::Activation activation, Value x) {
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

static void expand(kernel::ActivationOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) {
      Value x = e.load(op.getOut(), row, run);
      e.store(activate(e, op.getActivation(), x), op.getOut(), row, run);
    });
  });
}

static void expand(kernel::GluOp op, RowEmitter &e) {
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) {
      Value gate = e.load(op.getGate(), row, run);
      Value up = e.load(op.getUp(), row, run);
      auto number = [&](double value) { return e.number(up.getType(), value); };
      if (double limit = op.getLimit().convertToDouble(); limit != 0) {
        gate = e.minimum(gate, number(limit));
        up = e.maximum(e.minimum(up, number(limit)), number(-limit));
      }
      if (double offset = op.getUpOffset().convertToDouble(); offset != 0)
        up = e.add(up, number(offset));
      Value product = e.mul(activate(e, op.getActivation(), gate), up);
      bool isRounded = op.getOut().getType().getElementType().isBF16();
      e.store(isRounded ? e.toBF16(product) : product, op.getOut(), row, run);
    });
  });
}

static void expand(kernel::SoftcapOp op, RowEmitter &e) {
  double cap = op.getCap().convertToDouble();
  e.forRows(op.getOut(), [&](Value row) {
    e.forRuns(op.getOut(), [&](Run run) {
      Value x = e.load(op.getOut(), row, run);
      e.store(softcap(e, x, cap), op.getOut(), row, run);
    });
  });
}

void addRowwise(Expansions &table) {
  table.add<kernel::ZeroOp, kernel::AddOp, kernel::CopyOp, kernel::ConcatOp, kernel::ScaleOp, kernel::AddBiasOp,
            kernel::ScaleRowsOp, kernel::MultiplyOp, kernel::SparsifyOp, kernel::MatchMagnitudeOp,
            kernel::AltUpPredictOp, kernel::AltUpCorrectOp, kernel::AltUpInjectOp, kernel::NormOp, kernel::ActivationOp,
            kernel::GluOp, kernel::SoftcapOp, kernel::RoundOp, kernel::GatherOp, kernel::CombineOp>();
}

} // namespace lathe
