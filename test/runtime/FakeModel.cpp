//===- FakeModel.cpp - a program whose entry points are written by hand -------------------------------------------===//

#include "FakeModel.h"

#include "lrt/functions.h"

#include <bit>
#include <cstring>

namespace {

using namespace fake;

constexpr int64_t tensorBytes = vocabulary * 4;

constexpr float weight(int64_t v) { return float(v) * 0.001f; }

constexpr uint64_t computeContentId() {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (int64_t v = 0; v < vocabulary; v += 2) {
    uint64_t word = std::bit_cast<uint32_t>(weight(v)) | uint64_t(std::bit_cast<uint32_t>(weight(v + 1))) << 32;
    hash = (hash ^ word) * 0x100000001b3ull;
  }
  return hash;
}

constexpr uint64_t noTokenizerId = 0xcbf29ce484222325ull;

float contribution(int64_t position, int32_t token) { return float((position + 1) * (token + 1) % 1009); }

float logit(float hidden, int64_t v, float weight) { return float((int64_t(hidden) * 31 + v * 17) % 101) + weight; }

struct Share {
  int64_t begin, end;
};
Share share(int64_t count, const lrt_step *step, int64_t worker) {
  return {count * worker / step->workers, count * (worker + 1) / step->workers};
}

/// Appends the rows to the caches of their sequences, then leaves their hidden states in the arena.
void layers(const lrt_step *step, int64_t worker) {
  float *hidden = reinterpret_cast<float *>(step->arena);
  auto cache = [&](int64_t row) { return reinterpret_cast<float *>(step->row[row].cache); };
  Share rows = share(step->rows, step, worker);
  for (int64_t row = rows.begin; row < rows.end; ++row)
    cache(row)[step->row[row].position] = contribution(step->row[row].position, step->tokens[row]);
  lrt_barrier(step, worker, 0, 0);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    hidden[row] = 0;
    for (int64_t position = 0; position <= step->row[row].position; ++position)
      hidden[row] += cache(row)[position];
  }
}

void computeLogits(const lrt_step *step, int64_t worker, int64_t first) {
  const float *weights = reinterpret_cast<const float *>(step->weights);
  const float *hidden = reinterpret_cast<const float *>(step->arena);
  Share columns = share(vocabulary, step, worker);
  for (int64_t row = 0; row < step->rows; ++row)
    for (int64_t v = columns.begin; v < columns.end; ++v)
      step->logits[row * vocabulary + v] = logit(hidden[first + row], v, weights[v]);
}

void decode(const lrt_step *step, int64_t worker) {
  layers(step, worker);
  lrt_barrier(step, worker, 0, 0);
  computeLogits(step, worker, 0);
}

void prefill(const lrt_step *step, int64_t worker) { layers(step, worker); }

void logits(const lrt_step *step, int64_t worker) { computeLogits(step, worker, step->first); }

const lrt_cache caches[] = {{.offset = 0,
                             .bytes = context * 4,
                             .rows = context,
                             .window = 0,
                             .bytes_per_position = 4,
                             .element = LRT_F32,
                             .is_chunked = 0}};

constexpr lrt_phase phase(const char *name, const char *kind) {
  lrt_phase phase = {};
  phase.name = name;
  phase.kind = kind;
  return phase;
}

constexpr lrt_phase phases[] = {
    phase("append", "layer"),
    [] {
      lrt_phase sums = phase("sums", "layer");
      sums.position_bytes = 4;
      sums.seen_ops[LRT_PEAK_F32] = 1;
      return sums;
    }(),
    [] {
      lrt_phase logits = phase("logits", "");
      logits.weight_bytes = tensorBytes;
      logits.row_ops[LRT_PEAK_F32] = 4 * vocabulary;
      return logits;
    }(),
};
constexpr int32_t decodeOrder[] = {0, 1, 2};

} // namespace

const lrt_program fake::program = {
    .magic = LRT_MAGIC,
    .version = LRT_ABI_VERSION,
    .size = sizeof(lrt_program),
    .model = "fake",
    .architecture = "checksum",
    .target = "cpu",
    .mcpu = "x86-64",
    .features = 0,
    .content_id = {computeContentId(), noTokenizerId},
    .vocabulary = vocabulary,
    .context = context,
    .layers = 1,
    .hidden = 1,
    .arena_bytes = prefillRows * 4,
    .scratch_bytes = 64,
    .cache_bytes = context * 4,
    .weights_bytes = tensorBytes,
    .default_threads = 2,
    .barriers_per_layer = 2,
    .parameters = vocabulary,
    .active_parameters = vocabulary,
    .row_ops = {2, 0, 0},
    .logits_ops = {4 * vocabulary, 0, 0},
    .decode = {"decode", decode, 1, phases, 3, decodeOrder, 3},
    .prefill = {"prefill", prefill, prefillRows, phases, 2, decodeOrder, 2},
    .logits = {"logits", logits, logitsRows, phases + 2, 1, decodeOrder, 1},
    .caches = caches,
    .num_caches = 1,
    .weights_data = nullptr,
    .weights_data_bytes = 0,
    .sampling = {},
    .open_device = nullptr,
    .device_codes = nullptr,
    .num_device_codes = 0,
    .block_threads = 0,
};

std::string fake::weightsFile() {
  lrt_weights_header header = {.magic = LRT_WEIGHTS_MAGIC,
                               .version = LRT_ABI_VERSION,
                               .header_bytes = sizeof(header),
                               .file_bytes = 4096 + tensorBytes,
                               .content_id = {computeContentId(), noTokenizerId},
                               .tensors_offset = 4096,
                               .tensors_bytes = tensorBytes,
                               .tokenizer_offset = 0,
                               .tokenizer_bytes = 0};
  std::string bytes(header.file_bytes, '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  for (int64_t v = 0; v < vocabulary; ++v) {
    float value = weight(v);
    std::memcpy(bytes.data() + 4096 + v * 4, &value, 4);
  }
  return bytes;
}

std::vector<float> fake::logitsAfter(const std::vector<int32_t> &tokens) {
  float hidden = 0;
  for (size_t i = 0; i < tokens.size(); ++i)
    hidden += contribution(int64_t(i), tokens[i]);
  std::vector<float> logits(vocabulary);
  for (int64_t v = 0; v < vocabulary; ++v)
    logits[v] = logit(hidden, v, weight(v));
  return logits;
}

std::vector<int32_t> fake::greedy(std::vector<int32_t> tokens, int64_t count) {
  std::vector<int32_t> answer;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<float> logits = logitsAfter(tokens);
    int32_t best = 0;
    for (int64_t v = 1; v < vocabulary; ++v)
      if (logits[v] > logits[best])
        best = int32_t(v);
    answer.push_back(best);
    tokens.push_back(best);
  }
  return answer;
}
