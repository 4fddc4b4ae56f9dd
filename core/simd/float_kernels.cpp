#include "simd/float_kernels.hpp"

#include <algorithm>

namespace sparsedistill {

namespace {

using simd::Float16;
using simd::kLanes;

SPARSEDISTILL_INLINE Float16 load(const float* p) {
  Float16 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

SPARSEDISTILL_INLINE void store(float* p, const Float16& v) { std::memcpy(p, &v, sizeof v); }

// Always the same tree, whatever the width of the registers.
SPARSEDISTILL_INLINE float sum_of(const Float16& v) {
  float lane[kLanes];
  store(lane, v);
  for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

// tanh as a ratio of polynomials, within 3 units in the last place (the coefficients are Eigen's).
SPARSEDISTILL_INLINE Float16 tanh_of(Float16 x) {
  constexpr float kLimit = 7.99881172180175781F;
  for (std::size_t i = 0; i < kLanes; ++i) x[i] = x[i] > kLimit ? kLimit : x[i] < -kLimit ? -kLimit : x[i];
  const Float16 square = x * x;
  Float16 p = square * -2.76076847742355e-16F + 2.00018790482477e-13F;
  p = p * square + -8.60467152213735e-11F;
  p = p * square + 5.12229709037114e-08F;
  p = p * square + 1.48572235717979e-05F;
  p = p * square + 6.37261928875436e-04F;
  p = p * square + 4.89352455891786e-03F;
  Float16 q = square * 1.19825839466702e-06F + 1.18534705686654e-04F;
  q = q * square + 2.26843463243900e-03F;
  q = q * square + 4.89352518554385e-03F;
  return x * p / q;
}

SPARSEDISTILL_INLINE void sum_rows_generic(const float* table, std::size_t dim, const std::uint32_t* rows,
                                           std::size_t count, float* sum) {
  constexpr std::size_t kAhead = 4;
  const std::size_t whole = dim / kLanes * kLanes;
  std::fill_n(sum, dim, 0.0F);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) {
      const char* next = reinterpret_cast<const char*>(table + rows[i + kAhead] * dim);
      for (std::size_t byte = 0; byte < dim * sizeof(float); byte += 64) __builtin_prefetch(next + byte);
    }
    const float* row = table + rows[i] * dim;
    for (std::size_t d = 0; d < whole; d += kLanes) store(sum + d, load(sum + d) + load(row + d));
    for (std::size_t d = whole; d < dim; ++d) sum[d] += row[d];
  }
}

// Dot products of kTile texts with kTile units.
SPARSEDISTILL_INLINE void dot_tile(const float* features, const float* weight, std::size_t stride, float* dots) {
  constexpr std::size_t kTile = kernel::kTile;
  Float16 sums[kTile][kTile] = {};
  for (std::size_t d = 0; d < stride; d += kLanes) {
    Float16 x[kTile];
    for (std::size_t t = 0; t < kTile; ++t) x[t] = load(features + t * stride + d);
    for (std::size_t u = 0; u < kTile; ++u) {
      const Float16 w = load(weight + u * stride + d);
      for (std::size_t t = 0; t < kTile; ++t) sums[u][t] += w * x[t];
    }
  }
  for (std::size_t u = 0; u < kTile; ++u) {
    for (std::size_t t = 0; t < kTile; ++t) dots[t * kTile + u] = sum_of(sums[u][t]);
  }
}

// The dot product of one text with one unit; the same bits as in a tile.
SPARSEDISTILL_INLINE float dot(const float* features, const float* weight, std::size_t stride) {
  Float16 sum = {};
  for (std::size_t d = 0; d < stride; d += kLanes) sum += load(weight + d) * load(features + d);
  return sum_of(sum);
}

SPARSEDISTILL_INLINE void hidden_layer_generic(const float* features, std::size_t texts, std::size_t stride,
                                               const float* weight, const float* bias, std::size_t units, float* hidden,
                                               std::size_t hidden_stride) {
  constexpr std::size_t kTile = kernel::kTile;
  const std::size_t whole = units / kTile * kTile;
  // Weights outermost: each is read once a batch. Texts beyond the last fill up the tile, unread.
  for (std::size_t unit = 0; unit < whole; unit += kTile) {
    for (std::size_t text = 0; text < texts; text += kTile) {
      float dots[kTile * kTile];
      dot_tile(features + text * stride, weight + unit * stride, stride, dots);
      for (std::size_t t = 0; t < kTile; ++t) {
        std::copy_n(dots + t * kTile, kTile, hidden + (text + t) * hidden_stride + unit);
      }
    }
  }
  for (std::size_t unit = whole; unit < units; ++unit) {
    for (std::size_t text = 0; text < texts; ++text) {
      hidden[text * hidden_stride + unit] = dot(features + text * stride, weight + unit * stride, stride);
    }
  }
  for (std::size_t text = 0; text < texts; ++text) {
    float* row = hidden + text * hidden_stride;
    for (std::size_t unit = 0; unit < units; ++unit) row[unit] += bias[unit];
    for (std::size_t unit = 0; unit < units; unit += kLanes) store(row + unit, tanh_of(load(row + unit)));
  }
}

// kTile x 16 sums at a time, for one would wait for itself.
SPARSEDISTILL_INLINE void linear_generic(const float* x, std::size_t inputs, const float* weight, const float* bias,
                                         std::size_t units, float* y) {
  constexpr std::size_t kTile = kernel::kTile;
  std::size_t unit = 0;
  for (; unit + kTile * kLanes <= units; unit += kTile * kLanes) {
    Float16 sums[kTile];
    for (std::size_t t = 0; t < kTile; ++t) sums[t] = load(bias + unit + t * kLanes);
    for (std::size_t i = 0; i < inputs; ++i) {
      for (std::size_t t = 0; t < kTile; ++t) sums[t] += load(weight + i * units + unit + t * kLanes) * x[i];
    }
    for (std::size_t t = 0; t < kTile; ++t) store(y + unit + t * kLanes, sums[t]);
  }
  for (; unit < units; unit += kLanes) {
    Float16 sum = load(bias + unit);
    for (std::size_t i = 0; i < inputs; ++i) sum += load(weight + i * units + unit) * x[i];
    store(y + unit, sum);
  }
}

SPARSEDISTILL_INLINE void narrow_layer_generic(const float* x, std::size_t inputs, const float* weight,
                                               const float* bias, std::size_t units, float* y) {
  linear_generic(x, inputs, weight, bias, units, y);
  for (std::size_t unit = 0; unit < units; unit += kLanes) store(y + unit, tanh_of(load(y + unit)));
}

#define SPARSEDISTILL_PATH(NAME, ATTRIBUTES)                                                                         \
  ATTRIBUTES void sum_rows_##NAME(const float* table, std::size_t dim, const std::uint32_t* rows, std::size_t count, \
                                  float* sum) {                                                                      \
    sum_rows_generic(table, dim, rows, count, sum);                                                                  \
  }                                                                                                                  \
  ATTRIBUTES void hidden_layer_##NAME(const float* features, std::size_t texts, std::size_t stride,                  \
                                      const float* weight, const float* bias, std::size_t units, float* hidden,      \
                                      std::size_t hidden_stride) {                                                   \
    hidden_layer_generic(features, texts, stride, weight, bias, units, hidden, hidden_stride);                       \
  }                                                                                                                  \
  ATTRIBUTES void narrow_layer_##NAME(const float* x, std::size_t inputs, const float* weight, const float* bias,    \
                                      std::size_t units, float* y) {                                                 \
    narrow_layer_generic(x, inputs, weight, bias, units, y);                                                         \
  }                                                                                                                  \
  ATTRIBUTES void linear_##NAME(const float* x, std::size_t inputs, const float* weight, const float* bias,          \
                                std::size_t units, float* y) {                                                       \
    linear_generic(x, inputs, weight, bias, units, y);                                                               \
  }                                                                                                                  \
  ATTRIBUTES float dot_##NAME(const float* a, const float* b, std::size_t size) { return dot(a, b, size); }          \
  constexpr Kernels k_##NAME = {sum_rows_##NAME, hidden_layer_##NAME, narrow_layer_##NAME, linear_##NAME, dot_##NAME};

SPARSEDISTILL_PATH(portable, )
#ifdef SPARSEDISTILL_X86
SPARSEDISTILL_PATH(avx2, __attribute__((target("avx2"))))
SPARSEDISTILL_PATH(avx512, __attribute__((target("avx512f,avx512vl"))))
#endif

#undef SPARSEDISTILL_PATH

}  // namespace

const Kernels& kernels(InstructionSet instruction_set) {
#ifdef SPARSEDISTILL_X86
  if (instruction_set == InstructionSet::kAvx2) return k_avx2;
  if (instruction_set == InstructionSet::kAvx512) return k_avx512;
#endif
  (void)instruction_set;
  return k_portable;
}

}  // namespace sparsedistill
