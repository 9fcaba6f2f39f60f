//===- abi.h - what compiled code and the runtime share -----------------------------------------------------------===//
//
// The compiler writes one `lrt_program` into every executable; the runtime checks its magic and version before anything
// else and then only reads it. Compiled entry points read one `lrt_step` per forward call. Every change here raises
// LRT_ABI_VERSION and must be made on both sides: compiler/targets/cpu (writes) and runtime/engine (reads).
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_ABI_H
#define LRT_ABI_H

#include <stdint.h>

#define LRT_MAGIC 0x4554414c45485431ull /* "LATEHT1" */
#define LRT_ABI_VERSION 10u

#ifdef __cplusplus
extern "C" {
#endif

/// One row of a forward call: one token of one sequence.
typedef struct lrt_row {
  int64_t position; // counted from the start of the row's sequence
  uint8_t *cache; // lrt_program.cache_bytes, page aligned: the caches of that sequence, which survive from call to call
} lrt_row;

/// One forward call. All workers of the team read the same step; nobody writes it while the call runs.
///
/// Rows may be of different sequences. The entry points of today's programs are for one sequence: the rows of a call
/// are consecutive positions of it, and compiled code reads the position and the caches of row 0 alone. The runtime
/// fills in all of them.
typedef struct lrt_step {
  const uint8_t *weights; // the tensor section of the weights file, page aligned
  uint8_t *arena;         // lrt_program.arena_bytes, shared by the workers and by all sequences
  uint8_t *scratch;       // workers * lrt_program.scratch_bytes; worker w owns [w, w+1) * scratch_bytes
  const lrt_row *row;     // [rows]
  const int32_t *tokens;  // [rows]
  float *logits;          // logits entry: [rows, vocabulary]; decode entry: [1, vocabulary]
  int64_t rows;           // 1 .. lrt_entry.rows
  int64_t first;          // logits entry: first row of the previous prefill whose logits are wanted; else 0
  int64_t workers;        // 1 .. any
  void *team;             // on the host: the runtime's own, which compiled code does not read; on a GPU: an lrt_grid
} lrt_step;

/// What the blocks of a GPU's call meet at. A block writes its times only if `stamped` is not 0; the call then ends with
/// one more barrier.
typedef struct lrt_grid {
  uint32_t arrivals; // of blocks at all barriers of the call; 0 when it begins
  uint32_t stamped;  // barriers whose times are kept
  /// Nanoseconds of the device's clock. [workers][stamped]: when worker w reached barrier n; then [stamped]: when worker
  /// 0 left it.
  uint64_t *stamps;
} lrt_grid;

/// Peak rates of the machine that operations are compared with.
enum lrt_peak { LRT_PEAK_F32 = 0, LRT_PEAK_BF16 = 1, LRT_PEAK_INT8 = 2, LRT_PEAKS = 3 };

/// A compiled entry point: every worker calls it once per step with its own id in [0, step->workers).
typedef void (*lrt_entry_fn)(const lrt_step *step, int64_t worker);

/// The work between two barriers of an entry point: the minimum that a call of n rows must read and compute, for
/// `bench --phases`. Activations are not counted, nor are operations outside dot products.
typedef struct lrt_phase {
  const char *name;
  const char *kind;            // kind of layer; empty outside the layers
  int64_t weight_bytes;        // read once
  int64_t lookup_bytes;        // read for each row: an embedding
  int64_t expert_bytes;        // of one expert's matrices; min(experts, n * chosen) of them are read
  int64_t experts;             // of the layer
  int64_t chosen;              // experts per row
  int64_t state_bytes;         // of recurrent states: read and written
  int64_t position_bytes;      // of caches: read for each position that any of the rows attends to
  int64_t window;              // max positions that a row attends to; 0: all
  int64_t chunk;               // a row attends to positions since the last multiple of it; 0: all
  int64_t row_ops[LRT_PEAKS];  // for each row; a multiply-add is two operations
  int64_t seen_ops[LRT_PEAKS]; // for each row and position that it attends to
} lrt_phase;

typedef struct lrt_entry {
  const char *name;
  lrt_entry_fn run;
  int64_t rows; // max rows of a call
  const lrt_phase *phases;
  int64_t num_phases;
  const int32_t *order; // [num_order]: the index of the phase before each barrier of a call
  int64_t num_order;
} lrt_entry;

/// What a layer keeps between steps, for `bench --fill` and info.
typedef struct lrt_cache {
  int64_t offset;             // bytes from lrt_row.cache
  int64_t bytes;              // of the whole region
  int64_t rows;               // positions it can hold
  int64_t window;             // max positions that a row attends to; 0: all
  int64_t bytes_per_position; // keys and values of all heads
  int32_t element;            // lrt_element
  int32_t is_chunked;         // 1: a token attends to positions since the last multiple of the window
} lrt_cache;

enum lrt_element { LRT_F32 = 0, LRT_BF16 = 1 };

/// CPU features compiled code may use beyond x86-64 (lrt_program.features is a set of these bits), by LLVM's names. At
/// start the runtime checks those a program was compiled with; the compiler switches off every other feature
/// (compiler/targets/Emit.cpp).
#define LRT_FEATURES(X)                                                                                                \
  X(SSE3, "sse3")                                                                                                      \
  X(SSSE3, "ssse3")                                                                                                    \
  X(SSE41, "sse4.1")                                                                                                   \
  X(SSE42, "sse4.2")                                                                                                   \
  X(POPCNT, "popcnt")                                                                                                  \
  X(LZCNT, "lzcnt")                                                                                                    \
  X(MOVBE, "movbe")                                                                                                    \
  X(BMI, "bmi")                                                                                                        \
  X(BMI2, "bmi2")                                                                                                      \
  X(AVX, "avx")                                                                                                        \
  X(AVX2, "avx2")                                                                                                      \
  X(FMA, "fma")                                                                                                        \
  X(F16C, "f16c")                                                                                                      \
  X(AVXVNNI, "avxvnni")                                                                                                \
  X(AVXNECONVERT, "avxneconvert")                                                                                      \
  X(AVX512F, "avx512f")                                                                                                \
  X(AVX512BW, "avx512bw")                                                                                              \
  X(AVX512VL, "avx512vl")                                                                                              \
  X(AVX512DQ, "avx512dq")                                                                                              \
  X(AVX512CD, "avx512cd")                                                                                              \
  X(AVX512VNNI, "avx512vnni")                                                                                          \
  X(AVX512BF16, "avx512bf16")                                                                                          \
  X(AVX512FP16, "avx512fp16")                                                                                          \
  X(AVX512IFMA, "avx512ifma")                                                                                          \
  X(AVX512VBMI, "avx512vbmi")                                                                                          \
  X(AVX512VBMI2, "avx512vbmi2")                                                                                        \
  X(AVX512BITALG, "avx512bitalg")                                                                                      \
  X(AVX512VPOPCNTDQ, "avx512vpopcntdq")

enum lrt_feature {
#define LRT_FEATURE_ENUM(id, name) LRT_FEATURE_##id,
  LRT_FEATURES(LRT_FEATURE_ENUM)
#undef LRT_FEATURE_ENUM
      LRT_FEATURE_COUNT
};

/// What the model's files say about sampling, for `run --sampling model`. A value missing in generation_config.json
/// has transformers' default here; a value missing in a GGUF has the one without effect.
typedef struct lrt_sampling {
  const char *origin;     // "generation_config.json"; null: the files say nothing, the other fields are unused
  const char *unfollowed; // "typical_p, eta_cutoff": settings that the runtime does not implement; may be empty
  double temperature;     // 0: greedy
  int64_t top_k;          // 0: all
  double top_p;           // 1: all
  double min_p;           // 0: all
  double repeat_penalty;  // 1: none
} lrt_sampling;

/// Code for one kind of device.
typedef struct lrt_device_code {
  const char *device; // "sm_80"
  const char *code;   // PTX, in which the entry points have the names of lrt_entry
} lrt_device_code;

/// A compiled model. Strings are static and NUL-terminated.
typedef struct lrt_program {
  uint64_t magic;
  uint32_t version;         // LRT_ABI_VERSION
  uint32_t size;            // sizeof(lrt_program)
  const char *model;        // e.g. the directory's or file's name
  const char *architecture; // model_type
  const char *target;       // "cpu", "cuda"
  const char *mcpu;         // the CPU that the host's code was compiled for
  uint64_t features;        // 1 << lrt_feature
  uint64_t content_id[2];   // of the weights file; both 0: compiled from a bare config
  int64_t vocabulary;
  int64_t context; // positions the caches hold
  int64_t layers;
  int64_t hidden;
  int64_t arena_bytes;
  int64_t scratch_bytes; // per worker
  int64_t cache_bytes;
  int64_t weights_bytes;         // of the tensor section
  int64_t default_threads;       // 0: physical cores this process may use
  int64_t barriers_per_layer;    // of a decode step, max over the layers
  int64_t parameters;            // values in the checkpoint, shared ones counted once
  int64_t active_parameters;     // used for one token: of a layer's experts only the chosen ones
  int64_t row_ops[LRT_PEAKS];    // of all layers' matrices, per prompt row
  int64_t logits_ops[LRT_PEAKS]; // per row whose logits are computed
  lrt_entry decode;              // one row, logits included
  lrt_entry prefill;             // many rows, leaves their hidden states in the arena
  lrt_entry logits;              // logits of rows [first, first + rows) of the last prefill
  const lrt_cache *caches;
  int64_t num_caches;
  const char *weights_data; // the whole weights file when embedded (--embed-weights), else null
  int64_t weights_data_bytes;
  lrt_sampling sampling;
  /// Makes the device that the entry points run on, an lrt::Device; null: the host's workers run them.
  void *(*open_device)(const struct lrt_program *program);
  const lrt_device_code *device_codes; // for that device, which chooses one
  int64_t num_device_codes;
  int64_t block_threads; // threads of a worker on that device
} lrt_program;

#ifdef __cplusplus
static_assert(sizeof(lrt_row) == 16, "compiled code reads lrt_row and lrt_step by offset");
static_assert(sizeof(lrt_step) == 80, "");
static_assert(sizeof(lrt_grid) == 16, "");
static_assert(sizeof(lrt_phase) == 136, "");
static_assert(sizeof(lrt_entry) == 56, "");
static_assert(sizeof(lrt_cache) == 48, "");
static_assert(sizeof(lrt_sampling) == 56, "");
static_assert(sizeof(lrt_device_code) == 16, "");
static_assert(sizeof(lrt_program) == 504, "the compiler writes lrt_program field by field");
#endif

/// The compiler defines `const lrt_program PREFIX_program` and the entry points PREFIX_decode, PREFIX_prefill and
/// PREFIX_logits, with --embed-weights PREFIX_weights as well; nothing else of a model is global. Programs of different
/// prefixes can be linked into one process. The prefix of an executable is `lathe`.

/// The program that main() in liblrt.a runs: the compiler defines it in executables.
extern const lrt_program *const lrt_main_program;

#ifdef __cplusplus
}
#endif
#endif // LRT_ABI_H
