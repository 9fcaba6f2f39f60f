//===- weights.h - the layout of OUT.weights ----------------------------------------------------------------------===//
//
// Header, tensors (packed for the target, each 64-byte aligned), tokenizer. compiler/weights writes it in one streaming
// pass, runtime/engine/Weights maps it. All numbers are little endian; offsets count from the start of the file.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_WEIGHTS_H
#define LRT_WEIGHTS_H

#include <stdint.h>

#define LRT_WEIGHTS_MAGIC 0x534754574548544cull /* "LTHEWTGS" */
#define LRT_WEIGHTS_ALIGN 4096u                 /* of the two sections */

typedef struct lrt_weights_header {
  uint64_t magic;
  uint32_t version;          // LRT_ABI_VERSION
  uint32_t header_bytes;     // sizeof(lrt_weights_header)
  uint64_t file_bytes;       // of the whole file; a shorter file is truncated
  uint64_t content_id[2];    // FNV-1a over the 64-bit words of the tensor section, and of the tokenizer section (padded
                             // with zeros); equals lrt_program.content_id
  uint64_t tensors_offset;   // multiple of LRT_WEIGHTS_ALIGN
  uint64_t tensors_bytes;    // lrt_program.weights_bytes
  uint64_t tokenizer_offset; // lrt/tokenizer.h; multiple of LRT_WEIGHTS_ALIGN
  uint64_t tokenizer_bytes;  // 0: the model has no tokenizer, ids only
} lrt_weights_header;

#ifdef __cplusplus
static_assert(sizeof(lrt_weights_header) == 72, "the file format");
#endif

#endif // LRT_WEIGHTS_H
