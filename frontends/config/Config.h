//===- Config.h - the numbers of a model --------------------------------------------------------------------------===//
//
// One struct for every source: config.json and GGUF metadata are read into it, blocks build `lm` from it. It holds what
// differs between models of one architecture; the architecture itself is a Model (models/Model.h). All values are
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
  PerHead, // an RMS norm of each query head and of each key head, before rotation
  Whole,   // one RMS norm over all query heads, and one over all key heads
};

/// The function of the router's logits: a softmax over all experts, or a sigmoid of each.
enum class Scoring : uint8_t { Softmax, Sigmoid };

/// Which positions a layer's attention reads.
enum class LayerKind : uint8_t {
  Full,    // every earlier position
  Sliding, // the last Config::slidingWindow positions, the query's own included
  Chunked, // the positions since the last multiple of Config::slidingWindow
  Linear,  // not attention: a recurrent state of fixed size (gated DeltaNet)
};

/// Scores of a query at position p are multiplied by 1 + scale ln f.
struct Temperature {
  int64_t length = 0; // positions; 0: scores are not scaled
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
  LongRope, // as Divisors; w[i] / longDivisors[i] in a context of more than originalPositions. attentionFactor
};

/// Rotary embedding, always in the half layout (pairs x[i], x[i + dims/2]): sources in the interleaved layout have
/// their rows permuted (TensorBinding::permuteHeads).
struct Rope {
  double theta = 10000;
  int64_t dims = 0; // number of rotated values at the start of a head; even
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
  /// The rope of a model that is compiled for `context` positions: LongRope's divisors are chosen. llama.cpp chooses by
  /// the context, too. transformers chooses by the current length, so earlier keys may have the other rotation.
  Rope in(int64_t context) const;

  /// Radians per position of each pair, after scaling: [dims/2]. Rounded where transformers' float32 code rounds.
  std::vector<float> frequencies() const;

  bool operator==(const Rope &) const = default;
};

/// Upper limits of sizes: products of three fit in 64 bits, and lists of layers fit in memory. expertsPerToken is small
/// because the generated loop over a token's experts is unrolled.
namespace limits {
constexpr int64_t hidden = 1 << 20, layers = 1 << 12, heads = 1 << 12, headDim = 1 << 14, intermediate = 1 << 22,
                  experts = 1 << 16, expertsPerToken = 128, expertGroups = 64, vocabulary = 1 << 24,
                  positions = int64_t(1) << 31;
constexpr double values = 0x1p44; // of weights and caches together: 64 TiB as f32
} // namespace limits

struct Config {
  std::string path;      // the file that this was read from, for messages
  std::string modelType; // "qwen3": model_type; general.architecture of a GGUF

  int64_t hidden = 0;       // H
  int64_t layers = 0;       // L
  int64_t heads = 0;        // query heads
  int64_t kvHeads = 0;      // query head i reads key/value head i / (heads / kvHeads)
  int64_t headDim = 0;      // of q, k and v; heads * headDim need not be hidden
  int64_t intermediate = 0; // width between gate/up and down
  int64_t vocabulary = 0;   // rows of the embedding and of lm_head
  int64_t maxPositions = 0; // the model's own context

  int64_t experts = 0;            // of a sparse layer; 0: no layer is sparse
  int64_t expertsPerToken = 0;    // at most experts
  int64_t expertIntermediate = 0; // width inside an expert
  int64_t sharedIntermediate = 0; // width inside the shared expert, which every token goes through; 0: none
  Scoring scoring = Scoring::Softmax;
  bool correctsRouting = false; // a bias per expert is added to scores when experts are chosen, not to their weights
  double routingScale = 1;      // multiplies the experts' weights
  double sharedScale = 1;       // multiplies the output of the shared expert
  double routerSoftcap = 0;     // cap of the router's logits (see finalSoftcap); 0: none
  int64_t expertGroups = 1;     // equal groups; experts are chosen from the topGroups best ones
  int64_t topGroups = 1;
  Activation expertActivation = Activation::SiLU;
  double expertLimit = 0;         // gate <= limit, -limit <= up <= limit; 0: none
  double expertUpOffset = 0;      // added to up
  bool normalizesRouting = false; // weights of a token's experts are divided by their sum
  std::vector<bool> sparse;       // [layers]: the MLP is a mixture of experts; empty: in no layer

  double normEps = 0; // inside the square root
  Activation activation = Activation::SiLU;
  bool tied = false; // lm_head is the embedding matrix; compared with the checkpoint's tensors once it is open

  Rope rope;                    // full layers
  Rope slidingRope;             // sliding layers; equal to rope unless the architecture has a second theta
  int64_t slidingWindow = 0;    // positions a sliding layer reads, or of a chunk; 0 when every layer is full
  std::vector<LayerKind> kinds; // [layers]
  std::vector<bool> rotates;    // [layers]: queries and keys have rotary positions; empty: in every layer

  QKNorm qkNorm = QKNorm::None;
  bool qkvBias = false; // biases of q, k, v
  bool oBias = false;   // of o
  bool mlpBias = false; // of gate, up, down

  bool normsRotated = false; // RMS norm without a weight of each rotated query and key head

  // Latent attention. Queries: [heads * headDim] from [queryRank], headDim = nopeDim + ropeDim. Keys (nopeDim) and
  // values (valueDim) of all heads are projected from [latentRank]; [ropeDim] rotated values are part of every head's
  // key.
  int64_t latentRank = 0; // 0: attention is not latent
  int64_t queryRank = 0;  // 0: queries are projected from the residual stream
  int64_t nopeDim = 0, ropeDim = 0, valueDim = 0;

  bool attentionGate = false; // attention's output is multiplied by sigmoid(gate), projected together with the queries

  // Linear layers: value head h has key head h / (deltaValueHeads / deltaKeyHeads).
  int64_t deltaKeyHeads = 0, deltaValueHeads = 0, deltaKeyDim = 0, deltaValueDim = 0;
  int64_t convWidth = 0; // positions that the short convolution reads, the current one included

  // Gemma 3n.
  int64_t streams = 1;            // of alternating updates (AltUp); 1: no AltUp
  int64_t laurelRank = 0;         // of the learned augmented residual (LAuReL)
  int64_t perLayerWidth = 0;      // of each layer's own embedding
  int64_t perLayerVocabulary = 0; // rows of its table
  int64_t sharedFrom = 0; // layers >= sharedFrom attend to the cache of the last layer of their kind before it; 0: none
  std::vector<int64_t> intermediates; // [layers]: of the MLP; empty: intermediate in each
  std::vector<double> deviations;     // [layers]: gates below mean + deviations * std become 0 (lm.sparsify); 0: none
  bool valueNorm = false;             // RMS norm without a weight of each value head

  Temperature temperature;
  double attentionScale = 0;   // multiplies q·k: headDim^-0.5 or query_pre_attn_scalar^-0.5
  double attentionSoftcap = 0; // logits = cap * tanh(logits / cap) before the mask; 0: none
  double finalSoftcap = 0;     // the same for the output of lm_head
  double embeddingScale = 1;   // multiplies the embedding; Gemma: sqrt(hidden), not rounded to bf16
  double residualScale = 1;    // multiplies the outputs of attention and MLP before they are added to the stream
  double logitScale = 1;       // multiplies the output of lm_head

  /// Storage formats in a config without weights: of the experts' matrices (MXFP4), or of all matrices but embedding,
  /// lm_head and routers (F8E4M3).
  std::optional<Format> storedExperts, storedMatrices;

  // Parts that the config describes and that are left out.
  bool describesVision = false, describesAudio = false;
  int64_t predictingLayers = 0; // layers of multi-token prediction

  std::optional<int64_t> bosToken, padToken;
  std::vector<int64_t> endTokens; // generation stops at any of them; also from generation_config.json; sorted

  std::optional<SamplingValues> sampling; // none: the files say nothing

  /// tie_word_embeddings is absent, and its default (transformers' multimodal wrappers) holds only without a stored
  /// lm_head. Only the reader of the checkpoint uses this.
  bool tiedUnlessStored = false;

  LayerKind kindOf(int64_t layer) const { return kinds.empty() ? LayerKind::Full : kinds[layer]; }
  bool isSparse(int64_t layer) const { return !sparse.empty() && sparse[layer]; }
  int64_t intermediateOf(int64_t layer) const { return intermediates.empty() ? intermediate : intermediates[layer]; }
  double deviationsOf(int64_t layer) const { return deviations.empty() ? 0 : deviations[layer]; }
  /// The layer whose cache this layer attends to.
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
