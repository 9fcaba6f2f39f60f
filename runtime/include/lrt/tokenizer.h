//===- tokenizer.h - the tokenizer section of OUT.weights ---------------------------------------------------------===//
//
// Written by frontends/tokenizer/Serialize, read in place by runtime/tokenizer/Tokenizer. Little endian. A table is an
// offset in the section (bytes from its start) and a number of elements; a string is an offset and a length in the
// pool. So the section can be mapped at any address. Every change here raises LRT_TOKENIZER_VERSION.
//
// How a text is encoded: it is cut at special tokens. The `normalizers` rewrite each part between them. The part is cut
// at special tokens that match normalised text. The `splitters` cut it into words. The model encodes each word.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_TOKENIZER_H
#define LRT_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#define LRT_TOKENIZER_MAGIC 0x4b54454854414c2eull /* ".LATHETK" */
#define LRT_TOKENIZER_VERSION 4u

/// Ids are below this: a bound for tables indexed by an id.
#define LRT_TOKENIZER_MAX_ID (1u << 22)

typedef struct lrt_tokenizer_table {
  uint32_t offset; // bytes from the start of the section; a multiple of 8
  uint32_t count;  // elements
} lrt_tokenizer_table;

typedef struct lrt_tokenizer_string {
  uint32_t offset; // bytes from the start of the pool
  uint32_t length; // bytes
} lrt_tokenizer_string;

enum {
  LRT_TOKENIZER_BPE = 1,     // merges by rank
  LRT_TOKENIZER_SCORES = 2,  // SentencePiece's BPE: two neighbours may merge if their text is a token, best score first
  LRT_TOKENIZER_UNIGRAM = 3, // the segmentation of a word with the best score
};

enum {
  LRT_TOKENIZER_BYTES = 1u << 0,          // symbols start as bytes, not as characters
  LRT_TOKENIZER_BYTE_FALLBACK = 1u << 1,  // an unknown character becomes its bytes (byte_ids)
  LRT_TOKENIZER_FUSE_UNKNOWN = 1u << 2,   // neighbouring unknown characters are one unknown token
  LRT_TOKENIZER_WHOLE_WORDS = 1u << 3,    // a word that is a token is not merged (Hugging Face's ignore_merges)
  LRT_TOKENIZER_WHOLE_NEWLINES = 1u << 4, // the same only for words of newlines
  LRT_TOKENIZER_KEEP_UNKNOWN = 1u << 5, // no unknown token, no bytes: an unknown symbol still separates its neighbours
  LRT_TOKENIZER_LONGEST_FIRST =
      1u << 6, // special tokens: the longest anywhere first (llama.cpp), else leftmost longest
  LRT_TOKENIZER_TRIM_CHAT_LEFT = 1u << 7, // the chat template trims the user's text, as Python's strip() does
  LRT_TOKENIZER_CHAT_SPECIAL = 1u << 8,   // a chat, too, starts with prefix_ids and ends with suffix_ids
  LRT_TOKENIZER_HAS_CHAT = 1u << 9,
  LRT_TOKENIZER_ENCODED = 1u << 10, // words of the splitters are in GPT-2's printable characters for bytes: decode them
  LRT_TOKENIZER_TRIM_CHAT_RIGHT = 1u << 11,
};

/// Flags of tokens.
enum {
  LRT_TOKEN_SPECIAL = 1u << 0, // not shown when text is generated
};

/// A special token written in a text. Of two that start at the same byte the longer one matches.
typedef struct lrt_tokenizer_added {
  lrt_tokenizer_string text; // as the file has it; normalised by the reader where flags say so
  uint32_t id;
  uint32_t flags;
} lrt_tokenizer_added;

enum {
  LRT_ADDED_SINGLE_WORD = 1u << 0,
  LRT_ADDED_STRIP_LEFT = 1u << 1,  // takes the white space before it
  LRT_ADDED_STRIP_RIGHT = 1u << 2, // takes the white space after it
  LRT_ADDED_NORMALIZED = 1u << 3,  // found in normalised text
  LRT_ADDED_AS_TEXT = 1u << 4,     // not cut out, but hides shorter tokens inside it (split_special_tokens)
};

enum {
  // Normalizers rewrite the whole text between two special tokens.
  LRT_TEXT_NFC = 1,
  LRT_TEXT_NFD = 2,
  LRT_TEXT_NFKC = 3,
  LRT_TEXT_NFKD = 4,
  LRT_TEXT_REPLACE = 5,       // replaces a by b
  LRT_TEXT_REPLACE_REGEX = 6, // replaces matches of pattern a by b
  LRT_TEXT_PREPEND = 7,       // puts a in front, unless the text is empty
  LRT_TEXT_STRIP_LEFT = 8,    // removes white space at the start
  LRT_TEXT_STRIP_RIGHT = 9,   // removes white space at the end
  LRT_TEXT_CHARSMAP = 10,     // a: SentencePiece's precompiled map
  LRT_TEXT_NMT = 11,          // removes control characters, replaces special spaces by spaces

  // Splitters cut or rewrite every word of the splitter before.
  LRT_TEXT_SPLIT = 32,        // cuts at matches of pattern a; `mode`: LRT_SPLIT_...
  LRT_TEXT_METASPACE = 33,    // spaces become a; `mode`: when one is put in front, LRT_PREFIX_...
  LRT_TEXT_SPACE_PREFIX = 34, // puts a space in front of words that start with none
  LRT_TEXT_ENCODE_BYTES = 35, // bytes become GPT-2's printable characters, for later splitters
};

/// What LRT_TEXT_SPLIT does with a match.
enum {
  LRT_SPLIT_ISOLATED = 0,
  LRT_SPLIT_REMOVED = 1,
  LRT_SPLIT_CONTIGUOUS = 2,
  LRT_SPLIT_MERGED_WITH_PREVIOUS = 3,
  LRT_SPLIT_MERGED_WITH_NEXT = 4,
  LRT_SPLIT_INVERTED = 16, // a flag: the text between matches counts as the match
};

/// When LRT_TEXT_METASPACE puts a space in front.
enum { LRT_PREFIX_NEVER = 0, LRT_PREFIX_FIRST = 1, LRT_PREFIX_ALWAYS = 2 };

/// Patterns are PCRE2's, compiled with UTF and UCP.
typedef struct lrt_tokenizer_step {
  uint32_t kind;
  uint32_t mode; // LRT_SPLIT_..., LRT_PREFIX_...
  lrt_tokenizer_string a, b;
} lrt_tokenizer_step;

/// A text the model knows, and its symbol: an id, or a number above all ids for a text that exists only between two
/// merges.
typedef struct lrt_tokenizer_entry {
  lrt_tokenizer_string text;
  uint32_t symbol;
} lrt_tokenizer_entry;

enum {
  LRT_GUARD_IS = 0,
  LRT_GUARD_STARTS = 1,
  LRT_GUARD_ENDS = 2,
  LRT_GUARD_CONTAINS = 3,
};

/// User texts for which the chat template gives another prompt than chat_prefix, text, chat_suffix: those that, after
/// trimming, are `text`, start with it, end with it or contain it.
typedef struct lrt_tokenizer_guard {
  uint32_t kind; // LRT_GUARD_...
  uint32_t trim; // LRT_TOKENIZER_TRIM_CHAT_LEFT, LRT_TOKENIZER_TRIM_CHAT_RIGHT
  lrt_tokenizer_string text;
} lrt_tokenizer_guard;

typedef struct lrt_tokenizer_merge {
  uint32_t right;
  uint32_t rank; // lower merges first
  uint32_t result;
} lrt_tokenizer_merge;

typedef struct lrt_tokenizer_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes; // sizeof(lrt_tokenizer_header)
  uint64_t bytes;        // of the section, without the padding of the weights file
  uint32_t model;        // LRT_TOKENIZER_BPE, ...
  uint32_t flags;
  uint32_t ids;                               // ids are [0, ids)
  uint32_t symbols;                           // symbols are [0, symbols), ids first
  int32_t unknown;                            // id, or -1
  int32_t bos;                                // id, or -1; only for information: prefix_ids are put in front
  double unknown_score;                       // LRT_TOKENIZER_UNIGRAM
  lrt_tokenizer_table pool;                   // char: all strings
  lrt_tokenizer_table pieces;                 // lrt_tokenizer_string [ids]: the bytes an id stands for
  lrt_tokenizer_table token_flags;            // uint8_t [ids]: LRT_TOKEN_...
  lrt_tokenizer_table entries;                // lrt_tokenizer_entry: texts, all different
  lrt_tokenizer_table slots;                  // uint32_t [power of two]: hash table, entry + 1 or 0
  lrt_tokenizer_table sorted;                 // uint32_t: entries in the order of their bytes (LRT_TOKENIZER_UNIGRAM)
  lrt_tokenizer_table byte_ids;               // int32_t [256]: the id of a byte, or -1
  lrt_tokenizer_table scores;                 // double [ids] (LRT_TOKENIZER_SCORES, LRT_TOKENIZER_UNIGRAM)
  lrt_tokenizer_table merge_rows;             // uint32_t [symbols + 1]: where merges with this left symbol start
  lrt_tokenizer_table merges;                 // lrt_tokenizer_merge: sorted by left, then right
  lrt_tokenizer_table added;                  // lrt_tokenizer_added
  lrt_tokenizer_table normalizers, splitters; // lrt_tokenizer_step
  lrt_tokenizer_table prefix_ids, suffix_ids; // uint32_t: around every text
  lrt_tokenizer_table end_ids;                // uint32_t: generation stops here
  lrt_tokenizer_string chat_prefix,
      chat_suffix;                 // around the user's text; without LRT_TOKENIZER_HAS_CHAT, chat_prefix is the reason
  lrt_tokenizer_table chat_guards; // lrt_tokenizer_guard
} lrt_tokenizer_header;

/// FNV-1a. A text is in slot hash & (slots - 1) or, if others were there first, in a slot after it.
static inline uint64_t lrt_tokenizer_hash(const char *text, size_t length) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < length; ++i)
    hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ull;
  return hash ^ (hash >> 32);
}

#ifdef __cplusplus
static_assert(sizeof(lrt_tokenizer_header) == 208, "the file format");
static_assert(sizeof(lrt_tokenizer_added) == 16, "the file format");
static_assert(sizeof(lrt_tokenizer_step) == 24, "the file format");
static_assert(sizeof(lrt_tokenizer_entry) == 12, "the file format");
static_assert(sizeof(lrt_tokenizer_merge) == 12, "the file format");
static_assert(sizeof(lrt_tokenizer_guard) == 16, "the file format");
#endif

#endif // LRT_TOKENIZER_H
