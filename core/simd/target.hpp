// Compiles a region of code for an instruction set.
//
// Only the code of a kernel is inside such a region. Headers, standard ones included, are included before it: a
// function that several translation units share, such as an instantiation of std::copy, must be portable, since the
// linker keeps any one of them.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define SPARSEDISTILL_X86 1
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
#define SPARSEDISTILL_NEON 1  // part of the baseline: needs no region
#endif

#define SPARSEDISTILL_INLINE inline __attribute__((always_inline))
// For hot loops that compilers would inline into a caller that has too many variables of its own for the registers.
#define SPARSEDISTILL_NOINLINE __attribute__((noinline))

// Keep in step with available_instruction_sets().
#define SPARSEDISTILL_AVX2 "avx2,bmi,bmi2,lzcnt,popcnt"
#define SPARSEDISTILL_AVX512 "avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi,bmi2,lzcnt,popcnt"

#define SPARSEDISTILL_PRAGMA(TEXT) _Pragma(#TEXT)
#if defined(__clang__)
#define SPARSEDISTILL_BEGIN_TARGET(NAMES) \
  SPARSEDISTILL_PRAGMA(clang attribute push(__attribute__((target(NAMES))), apply_to = function))
#define SPARSEDISTILL_END_TARGET _Pragma("clang attribute pop")
#else
#define SPARSEDISTILL_BEGIN_TARGET(NAMES) _Pragma("GCC push_options") SPARSEDISTILL_PRAGMA(GCC target(NAMES))
#define SPARSEDISTILL_END_TARGET _Pragma("GCC pop_options")
#endif
