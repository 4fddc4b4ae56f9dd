/* Compact students from C, and from all languages that can call C.
 *
 * A compact student is a directory with config.json and model.safetensors: docs/format.md describes both. The caller
 * reads them, and passes the numbers of the one and the arrays of the other. Answers have the same bits as those of the
 * Python package.
 *
 * Functions that can fail return 0 if they do not: else sparsedistill_error() says why. All can be called from several
 * threads at a time, also with the same student.
 */
#ifndef SPARSEDISTILL_H
#define SPARSEDISTILL_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SPARSEDISTILL_API __declspec(dllexport)
#else
#define SPARSEDISTILL_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. Within a version, functions and fields stay as they are. */
#define SPARSEDISTILL_ABI 1

/* The layout of compact students (compact.layout in config.json), and the versions of tokens (tokenizer.version) and of
 * Unicode (tokenizer.unicode) that are read. The caller compares them. */
#define SPARSEDISTILL_LAYOUT 4
#define SPARSEDISTILL_TOKENIZER 2
#define SPARSEDISTILL_UNICODE "15.0.0"

typedef struct sparsedistill_student sparsedistill_student;

/* A compact student. The arrays are used in place, and must stay until sparsedistill_close(). Each is aligned as its
 * type, and the lines to 64 bytes; numbers are little-endian, as in the file. */
typedef struct {
  uint64_t size; /* sizeof(sparsedistill_arrays) */

  /* config.json: tokenizer, vocabulary.closed, compact, and the sizes of the head */
  int32_t max_ngram;
  int32_t boundaries;
  int32_t min_characters;
  int32_t max_characters;
  int32_t closed;
  int32_t slots;
  uint64_t wide;
  uint64_t dim;
  uint64_t hidden;
  uint64_t outputs;
  uint64_t table_dim; /* of pairs: basis has table_dim x dim numbers; else 0 */

  const uint8_t* lines; /* line_count x 64, at a multiple of 64 bytes */
  uint64_t line_count;
  const uint64_t* character_filter; /* filter_words; null if there is none */
  uint64_t filter_words;
  const int8_t* rows; /* row_count x (wide + dim); null if the rows are in the lines */
  uint64_t row_count;
  const float* scale;         /* dim */
  const float* centre;        /* dim */
  const float* basis;         /* table_dim x dim; null for single texts */
  const float* hidden_weight; /* hidden x features, which are dim, or for pairs 5 * table_dim + 3 */
  const float* hidden_bias;   /* hidden */
  const float* output_weight; /* outputs x hidden */
  const float* output_bias;   /* outputs */
} sparsedistill_arrays;

/* SPARSEDISTILL_ABI of the library that was loaded. */
SPARSEDISTILL_API int32_t sparsedistill_abi(void);

/* What was wrong when a function last failed in this thread. Valid until the next call in this thread. */
SPARSEDISTILL_API const char* sparsedistill_error(void);

/* Checks the arrays against each other, and opens a student, which is stored in `student`. */
SPARSEDISTILL_API int32_t sparsedistill_open(const sparsedistill_arrays* arrays, sparsedistill_student** student);

/* Frees a student. Null is ignored. */
SPARSEDISTILL_API void sparsedistill_close(sparsedistill_student* student);

/* Scores texts in UTF-8. Ill-formed bytes are read as U+FFFD.
 *
 *   texts, sizes             count texts, and their sizes in bytes
 *   text_pairs, pair_sizes   second texts of pairs; null for a student of single texts
 *   threads                  threads to use, at least 1
 *   logits                   receives count x outputs numbers; of a regression the numbers that it gives
 *   coverage                 receives count numbers: the share of the tokens of a text that the student knows
 */
SPARSEDISTILL_API int32_t sparsedistill_score(const sparsedistill_student* student, const char* const* texts,
                                              const uint64_t* sizes, const char* const* text_pairs,
                                              const uint64_t* pair_sizes, uint64_t count, uint64_t threads,
                                              float* logits, float* coverage);

/* Logits (rows x classes) to probabilities of the same shape: the softmax of each row, or with `multi_label` the
 * sigmoid of each logit. */
SPARSEDISTILL_API int32_t sparsedistill_probabilities(const float* logits, uint64_t rows, uint64_t classes,
                                                      int32_t multi_label, float* probabilities);

/* Where the tokens of a text are: `count` receives how many there are, and `places` begin and end, in bytes, of the
 * first ones, at most `capacity`. A text has no more tokens than bytes. */
SPARSEDISTILL_API int32_t sparsedistill_tokens(const char* text, uint64_t size, uint64_t* places, uint64_t capacity,
                                               uint64_t* count);

/* What a student reads of one text: its distinct n-grams that the student knows, and its unknown words that have known
 * character n-grams, in the order of the text. The mean of their numbers is what the head reads. */
typedef struct sparsedistill_items sparsedistill_items;

typedef struct {
  uint64_t size;      /* sizeof(sparsedistill_item) */
  const char* name;   /* folded tokens with a space between, in UTF-8; the boundaries of a text are 0x02 and 0x03 */
  uint64_t name_size; /* in bytes */
  int32_t unknown;    /* 1 for an unknown word */
  int32_t reserved;
  const uint64_t* places; /* 2 x place_count: where each occurrence begins and ends, in bytes of the text */
  uint64_t place_count;
  const double* numbers; /* dim */
} sparsedistill_item;

/* Reads a text, one of a pair too. The result is stored in `items`, and `count` receives how many there are. */
SPARSEDISTILL_API int32_t sparsedistill_read(const sparsedistill_student* student, const char* text, uint64_t size,
                                             sparsedistill_items** items, uint64_t* count);

/* Fills `item`, whose size is set, with item `i`. Its pointers are valid until sparsedistill_release(). */
SPARSEDISTILL_API int32_t sparsedistill_get(const sparsedistill_items* items, uint64_t i, sparsedistill_item* item);

/* Frees items. Null is ignored. */
SPARSEDISTILL_API void sparsedistill_release(sparsedistill_items* items);

#ifdef __cplusplus
}
#endif

#endif
