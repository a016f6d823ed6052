#pragma once

#include <cstddef>
#include <cstdint>

#include "device/level.h"

namespace ginn::device {

// The maps and integer reductions of docs/arithmetic.md, sections 5 to 8, compiled once for every
// instruction-set level. All lengths in elements. A tensor [rows, channels] is walked flat;
// per-channel constants are repeated to a `period` (see below), a multiple of 16 and of the number
// of channels.
size_t channel_period(size_t channels);

// Sums over the positions of one period, to which kernels add; the caller folds positions i, i +
// channels, ... together.
struct ChannelSums {
  int64_t* first;   // sum of q (or g)                     [period]
  int64_t* second;  // sum of q^2 (or g q)                 [period]
  int32_t* low;     // smallest q                          [period], null for gradients
  int32_t* high;    // largest q, or largest |g|           [period]
};

// Where an activation passes a gradient: at values above 0 and below `cap`, in [1, 32768].
struct PassMask {
  const int16_t* activation;  // [count]
  int32_t cap;
};
inline constexpr int32_t kNoCap = 32768;

struct AffineTerm {
  const int16_t* q;  // [count]
  const float* a;    // [period]
  const float* b;    // [period]
};

struct SgdConstants {
  float learning_rate, momentum, weight_decay;
  float decoupled_decay;  // lr * wd when decoupled
  bool decoupled, nesterov;
  double microbatches;  // M
};

struct MapKernels {
  uint32_t (*maxabs_f32)(const float* x, size_t count);  // magnitude_bits
  int32_t (*maxabs_i16)(const int16_t* x, size_t count);
  // out = quant(x * scale, q_max)
  void (*quantise)(const float* x, size_t count, float scale, int32_t q_max, int16_t* out);
  void (*channel_sums)(const int16_t* q, size_t count, size_t period, ChannelSums sums);
  void (*gradient_sums)(
      const int16_t* g, const int16_t* q, size_t count, size_t period, ChannelSums sums);
  // mask, then gradient_sums.
  void (*masked_gradient_sums)(const PassMask& mask,
                               int16_t* g,
                               const int16_t* q,
                               size_t count,
                               size_t period,
                               ChannelSums sums);
  // out = quant(relu?(term 1 + term 2), q_max); `terms` is 1 or 2. Returns max|out|.
  int32_t (*activate)(const AffineTerm* term,
                      int terms,
                      bool relu,
                      size_t count,
                      size_t period,
                      int32_t q_max,
                      int16_t* out);
  // The same with ReLU, then at most `cap`, which is above 0.
  int32_t (*activate_capped)(const AffineTerm* term,
                             int terms,
                             float cap,
                             size_t count,
                             size_t period,
                             int32_t q_max,
                             int16_t* out);
  // g = 0 where the activation does not pass it
  void (*mask)(const PassMask& mask, size_t count, int16_t* g);
  // out = rne(clamp(d[0] scale[0] + d[1] scale[1] + ...)), 2 <= inputs <= 4
  void (*join)(const int16_t* const* d, const float* scale, int inputs, size_t count, int16_t* out);
  // dy = quant(fma(c1, g, fma(c2, q, c0)), q_max); dy may be g
  void (*normalise_backward)(const int16_t* g,
                             const int16_t* q,
                             const float* c1,
                             const float* c2,
                             const float* c0,
                             size_t count,
                             size_t period,
                             int32_t q_max,
                             int16_t* dy);
  // out = shift_rne(x, shift), shift in [0, 16]; out may be x
  void (*shift_round)(const int16_t* x, size_t count, int shift, int16_t* out);
  // Windows' maxima, tap by tap: out = max(out, x).
  void (*max_into)(const int16_t* x, size_t count, int16_t* out);
  // The way back: where the tap x holds the maximum y, sum takes `rest`, which becomes 0.
  void (*route_max)(const int16_t* x, const int16_t* y, size_t count, int16_t* rest, int32_t* sum);
  void (*add_into)(const int16_t* x, size_t count, int32_t* sum);  // sum += x
  // out = shift_rne(sum, shift) of |sum| < 2^30, which fits dfp16
  void (*narrow)(const int32_t* sum, size_t count, int shift, int16_t* out);
  // out = f32((f64(sum) * scale) / divisor)
  void (*scale_sums)(const int64_t* sum, size_t count, double scale, double divisor, float* out);
  // sum of ceil(|x| scale)^2; every |x| scale <= 32767
  uint64_t (*ceil_norm2)(const float* x, size_t count, float scale);
  // out = truncate((x * factor) * scale)
  void (*truncate)(const float* x, size_t count, float factor, float scale, int16_t* out);
  uint64_t (*norm2)(const int16_t* q, size_t count);
  // q = little-endian integers, wherever they lie; returns their norm2, and max|q| in `largest`.
  uint64_t (*unpack)(const uint8_t* bytes, size_t count, int16_t* q, int32_t* largest);
  // sum = q << shift, and sum += q << shift
  void (*set_sum)(const int16_t* q, size_t count, int shift, int64_t* sum);
  void (*accumulate)(const int16_t* q, size_t count, int shift, int64_t* sum);
  void (*accumulate_i32)(const int16_t* q, size_t count, int shift, int32_t* sum);  // fits int32
  void (*widen)(const int32_t* x, size_t count, int shift, int64_t* out);  // out = x << shift
  // docs/arithmetic.md, section 8; returns the larger magnitude_bits of all w and v.
  uint32_t (*sgd)(
      const int64_t* sum, size_t count, const SgdConstants& constants, float* w, float* v);
};

const MapKernels& map_kernels(Level level);

}  // namespace ginn::device
