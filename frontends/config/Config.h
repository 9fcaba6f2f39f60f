//===- Config.h - what a model is, in numbers ---------------------------------------------------------------------===//
//
// One struct for every source: config.json and GGUF metadata are read into it, blocks build `lm` from it. It holds what
// differs from size to size of an architecture; what makes the architecture is a Model (models/Model.h). All values are
// checked: sizes are positive and small enough to multiply, kvHeads divides heads, kinds has one entry per layer.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_CONFIG_H
#define LATHE_FRONTENDS_CONFIG_CONFIG_H

#include "dialects/lm/Formats.h"
#include "frontends/Describe.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

enum class Activation : uint8_t {
  SiLU,      // x * sigmoid(x)
  GeluTanh,  // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  QuickGelu, // x * sigmoid(1.702 x)
};

enum class QKNorm : uint8_t {
  None,
  PerHead, // one RMS norm for every query head and one for every key head, before rotation
  Whole,   // over all query heads together, and over all key heads
};

/// What a router's scores become: shares of 1, or each a number from 0 to 1 for itself.
enum class Scoring : uint8_t { Softmax, Sigmoid };

/// How far back a layer's attention sees.
enum class LayerKind : uint8_t {
  Full,    // every earlier position
  Sliding, // the last Config::slidingWindow positions, the query's own included
  Chunked, // the positions since the last multiple of Config::slidingWindow
  Linear,  // not attention: a state of one size (gated DeltaNet)
};

/// Scores of a query at position p are multiplied by 1 + scale ln f.
struct Temperature {
  int64_t length = 0; // 0: they are not
  double scale = 0;
  bool stepped = false;   // f = 1 + floor((p + 1) / length), else max(1, p / length)
  bool unrotated = false; // only in layers without rotary positions
};

enum class RopeScaling : uint8_t {
  None,
  Linear,   // w / factor
  Llama3,   // factor, lowFrequency, highFrequency, originalPositions
  Yarn,     // factor, originalPositions, betaFast, betaSlow, truncate, attentionFactor
  Divisors, // w[i] / divisors[i], as GGUF stores llama3 scaling (rope_freqs.weight)
  LongRope, // the same; in a context of more than originalPositions longDivisors take their place. attentionFactor
};

/// Rotary embedding, always in the half layout (pairs x[i], x[i + dims/2]): sources in the interleaved layout have
/// their rows permuted (TensorBinding::permuteHeads).
struct Rope {
  double theta = 10000;
  int64_t dims = 0; // the first so many values of a head are rotated; even
  RopeScaling scaling = RopeScaling::None;
  double factor = 1;
  double lowFrequency = 1, highFrequency = 4; // llama3
  int64_t originalPositions = 0;              // llama3, yarn, longrope: positions before scaling
  double betaFast = 32, betaSlow = 1;         // yarn
  bool truncate = true;                       // yarn: correction range rounded outwards
  double attentionFactor = 1;                 // yarn, longrope: multiplies cos and sin of q and k
  std::vector<float> divisors = {};           // [dims/2]
  std::vector<float> longDivisors = {};       // longrope: [dims/2]

  bool isLongIn(int64_t context) const { return scaling == RopeScaling::LongRope && context > originalPositions; }
  /// What rotates in a context of so many positions: longrope's choice made. transformers makes it anew as a sequence
  /// grows, when keys have been rotated by the other divisors; llama.cpp by the context, as is done here.
  Rope in(int64_t context) const;

  /// Angle per position of each pair, scaling applied: [dims/2]. Rounded where transformers' float32 code rounds.
  std::vector<float> frequencies() const;

  bool operator==(const Rope &) const = default;
};

/// What sizes may be at most, so that products of three fit in 64 bits and lists of layers in memory. A token's experts
/// are gone through one by one in the code that adds them up.
namespace limits {
constexpr int64_t hidden = 1 << 20, layers = 1 << 12, heads = 1 << 12, headDim = 1 << 14, intermediate = 1 << 22,
                  experts = 1 << 16, expertsPerToken = 128, expertGroups = 64, vocabulary = 1 << 24,
                  positions = int64_t(1) << 31;
constexpr double values = 0x1p44; // of weights and caches together: 64 TiB as f32
} // namespace limits

struct Config {
  std::string path;      // the file that states all this, for messages
  std::string modelType; // "qwen3"; of a GGUF, general.architecture

  int64_t hidden = 0;       // H
  int64_t layers = 0;       // L
  int64_t heads = 0;        // query heads
  int64_t kvHeads = 0;      // query head i reads key/value head i / (heads / kvHeads)
  int64_t headDim = 0;      // of q, k and v; heads * headDim need not be hidden
  int64_t intermediate = 0; // width between gate/up and down
  int64_t vocabulary = 0;   // rows of the embedding and of the head
  int64_t maxPositions = 0; // the model's own context

  int64_t experts = 0;            // of a sparse layer; 0: there are none
  int64_t expertsPerToken = 0;    // at most experts
  int64_t expertIntermediate = 0; // width inside an expert
  int64_t sharedIntermediate = 0; // width of the MLP beside the experts that every token goes through; 0: there is none
  Scoring scoring = Scoring::Softmax;
  bool correctsRouting = false; // a number for each expert is added where they are chosen, not where they are weighed
  double routingScale = 1;      // multiplies the weights
  double sharedScale = 1;       // multiplies what the MLP beside the experts makes
  double routerSoftcap = 0;     // limits the scores; 0: none
  int64_t expertGroups = 1;     // of as many experts each; experts are chosen from the best topGroups of them
  int64_t topGroups = 1;
  Activation expertActivation = Activation::SiLU;
  double expertLimit = 0;         // gate <= limit, -limit <= up <= limit; 0: none
  double expertUpOffset = 0;      // added to up
  bool normalizesRouting = false; // weights of a token's experts are divided by their sum
  std::vector<bool> sparse;       // [layers]: the MLP is a mixture of experts; empty: nowhere

  double normEps = 0; // inside the root
  Activation activation = Activation::SiLU;
  bool tied = false; // the head is the embedding matrix; checked against the checkpoint's tensors once one is open

  Rope rope;                    // full layers
  Rope slidingRope;             // sliding layers; equal to rope unless the architecture has a second theta
  int64_t slidingWindow = 0;    // positions a sliding layer sees, or of a chunk; 0 when every layer is full
  std::vector<LayerKind> kinds; // [layers]
  std::vector<bool> rotates;    // [layers]: queries and keys have rotary positions; empty: in every layer

  QKNorm qkNorm = QKNorm::None;
  bool qkvBias = false; // biases of q, k, v
  bool oBias = false;   // of o
  bool mlpBias = false; // of gate, up, down

  bool normsRotated = false; // RMS norm without a weight of each rotated query and key head

  // Latent attention: heads * headDim queries, headDim = nopeDim + ropeDim, from queryRank values; keys and values are
  // made of latentRank values for all heads, and ropeDim that are keys' own.
  int64_t latentRank = 0; // 0: attention is not latent
  int64_t queryRank = 0;  // 0: queries are projected from the stream
  int64_t nopeDim = 0, ropeDim = 0, valueDim = 0;

  bool attentionGate = false; // what attention makes is multiplied by sigmoids, projected beside the queries

  // Linear layers: value head h has key head h / (deltaValueHeads / deltaKeyHeads).
  int64_t deltaKeyHeads = 0, deltaValueHeads = 0, deltaKeyDim = 0, deltaValueDim = 0;
  int64_t convWidth = 0; // inputs of the short convolution, its own included

  // Gemma 3n.
  int64_t streams = 1;            // of alternating updates; 1: there are none
  int64_t laurelRank = 0;         // of the learned augmented residual
  int64_t perLayerWidth = 0;      // of each layer's own embedding
  int64_t perLayerVocabulary = 0; // rows of its table
  int64_t sharedFrom = 0;         // not 0: layers from it on attend to the cache of the last before it of their kind
  std::vector<int64_t> intermediates; // [layers]: of the MLP; empty: intermediate in each
  std::vector<double> deviations;     // [layers]: gates below so many deviations above their mean are 0; 0: none are
  bool valueNorm = false;             // RMS norm without a weight of each value head

  Temperature temperature;
  double attentionScale = 0;   // multiplies q·k: headDim^-0.5 or query_pre_attn_scalar^-0.5
  double attentionSoftcap = 0; // logits = cap * tanh(logits / cap) before the mask; 0: none
  double finalSoftcap = 0;     // the same for the head's output
  double embeddingScale = 1;   // multiplies the embedding; Gemma: sqrt(hidden), not rounded to bf16
  double residualScale = 1;    // multiplies what attention and MLP add to the stream
  double logitScale = 1;       // multiplies the head's output

  /// What a bare config's matrices are stored as: experts' (MXFP4) or all but embedding, head and routers (F8E4M3).
  std::optional<Format> storedExperts, storedMatrices;

  // Described beside the language model, and left out.
  bool describesVision = false, describesAudio = false;
  int64_t predictingLayers = 0; // that predict a second token, a third, ...

  std::optional<int64_t> bosToken, padToken;
  std::vector<int64_t> endTokens; // generation stops at any; from generation_config.json too, sorted

  std::optional<SamplingValues> sampling; // none: the files say nothing

  /// tie_word_embeddings was left to a default that yields to a stored head (transformers' multimodal wrappers). Only
  /// the reader of the checkpoint looks at it.
  bool tiedUnlessStored = false;

  LayerKind kindOf(int64_t layer) const { return kinds.empty() ? LayerKind::Full : kinds[layer]; }
  bool isSparse(int64_t layer) const { return !sparse.empty() && sparse[layer]; }
  int64_t intermediateOf(int64_t layer) const { return intermediates.empty() ? intermediate : intermediates[layer]; }
  double deviationsOf(int64_t layer) const { return deviations.empty() ? 0 : deviations[layer]; }
  /// The layer whose cache this one attends to.
  int64_t cacheOf(int64_t layer) const {
    if (sharedFrom == 0 || layer < sharedFrom)
      return layer;
    int64_t source = sharedFrom - 1;
    while (kindOf(source) != kindOf(layer))
      --source;
    return source;
  }
  bool rotatesIn(int64_t layer) const { return rotates.empty() || rotates[layer]; }
  const Rope &ropeOf(int64_t layer) const { return kindOf(layer) == LayerKind::Sliding ? slidingRope : rope; }
};

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_CONFIG_H
