#include "device/cpu/emulated.h"

#include "device/convolution.h"

namespace ginn::device::cpu::emulated {

namespace {

#define GINN_INLINE inline __attribute__((always_inline))
#define GINN_INLINE_LAMBDA __attribute__((always_inline))

// A call each: inlined into every tile, sanitized code takes minutes to compile.
#define GINN_CALL __attribute__((noinline))

template <int kWidth, int kRows>
struct Emulated {
  static constexpr int kLanes = kWidth;
  static constexpr int kRowsOfOne = kRows;
  struct Vec {
    int32_t lane[kWidth];
  };
  using Rounding = int;

  GINN_CALL static Vec zero() { return Vec{}; }
  GINN_CALL static Vec load(const int16_t* p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  GINN_CALL static Vec dot(Vec sum, const int16_t* a, const Vec& b) {
    for (int i = 0; i < kWidth; ++i) {
      int16_t q[2];
      __builtin_memcpy(q, &b.lane[i], sizeof q);
      const int64_t added = int64_t{sum.lane[i]} + int64_t{a[0]} * q[0] + int64_t{a[1]} * q[1];
      sum.lane[i] = static_cast<int32_t>(static_cast<uint32_t>(added));  // wraps, as vpdpwssd
    }
    return sum;
  }
  GINN_CALL static void dot(Vec& sum0, Vec& sum1, const int16_t* a, const Vec& b0, const Vec& b1) {
    sum0 = dot(sum0, a, b0);
    sum1 = dot(sum1, a, b1);
  }
  GINN_CALL static void set_wide(int64_t* sum, Vec c, int shift) {
    for (int i = 0; i < kWidth; ++i) sum[i] = int64_t{c.lane[i]} * (int64_t{1} << shift);
  }
  GINN_CALL static void add_wide(int64_t* sum, Vec c, int shift) {
    for (int i = 0; i < kWidth; ++i) sum[i] += int64_t{c.lane[i]} * (int64_t{1} << shift);
  }
  static Rounding rounding(int shift) { return shift; }
  GINN_CALL static Vec round(Vec c, Rounding shift) {
    for (int32_t& lane : c.lane) lane = static_cast<int32_t>(shift_rne(lane, shift));
    return c;
  }
  GINN_CALL static void store(Vec v, int16_t* out) {
    for (int i = 0; i < kWidth; ++i) out[i] = static_cast<int16_t>(v.lane[i]);
  }
  GINN_CALL static void store_wide(const int64_t* sum, int shift, int16_t* out) {
    for (int i = 0; i < kWidth; ++i) out[i] = static_cast<int16_t>(shift_rne(sum[i], shift));
  }
};

#include "device/cpu/amx_digits.inc.h"
#include "device/cpu/amx_tiles.inc.h"
#include "device/cpu/tile.inc.h"

class Tiles {
 public:
  Tiles() { __builtin_memset(tile_, 0x5a, sizeof tile_); }

  template <int kTile>
  void zero() {
    tile_[kTile] = Lines64{};
  }
  template <int kTile>
  void load(const Plane* plane) {
    __builtin_memcpy(&tile_[kTile], plane, sizeof tile_[kTile]);
  }
  template <int kTile>
  void store(int32_t* sums) {
    __builtin_memcpy(sums, &tile_[kTile], sizeof tile_[kTile]);
  }
  template <int kSum, int kA, int kB>
  void dot() {
    add(tile_[kSum], tile_[kA], tile_[kB]);
  }

 private:
  struct Lines64 {
    int8_t byte[16][64];
  };
  // int32 wraps, as tdpbssd.
  GINN_CALL static void add(Lines64& to, const Lines64& a, const Lines64& b) {
    int16_t columns[64][16];
    for (int k = 0; k < 64; ++k) {
      for (int j = 0; j < 16; ++j) columns[k][j] = b.byte[k / 4][4 * j + k % 4];
    }
    for (int i = 0; i < 16; ++i) {
      uint32_t sums[16];
      __builtin_memcpy(sums, to.byte[i], sizeof sums);
      for (int k = 0; k < 64; ++k) {
        const int16_t q = a.byte[i][k];
        if (q == 0) continue;
        for (int j = 0; j < 16; ++j) {
          sums[j] += static_cast<uint32_t>(int32_t{static_cast<int16_t>(q * columns[k][j])});
        }
      }
      __builtin_memcpy(to.byte[i], sums, sizeof sums);
    }
  }
  Lines64 tile_[8];
};

int64_t square(int16_t x) { return int64_t{x} * x; }
void raise(int64_t& bound, int64_t value) { bound = value > bound ? value : bound; }

void pixel_norms(const int16_t* x,
                 int64_t pixels,
                 int64_t channels,
                 int64_t stride,
                 int64_t* norms,
                 PixelBounds* bounds) {
  for (int64_t i = 0; i < pixels; ++i) {
    norms[i] = 0;
    int64_t chunk = 0;
    for (int64_t c = 0; c < channels; ++c) {
      if (c % kChunk == 0) chunk = 0;
      chunk += square(x[i * stride + c]);
      norms[i] += square(x[i * stride + c]);
      raise(bounds->chunk, chunk);
    }
    raise(bounds->pixel, norms[i]);
  }
}

void window_bounds(const WindowJob& job, WindowBounds* bounds) {
  for (int64_t i = 0; i < job.out_h; ++i) {
    for (int64_t j = 0; j < job.out_w; ++j) {
      int64_t window = 0;
      for (int64_t r = 0; r < job.taps_h; ++r) {
        int64_t row = 0;
        const int64_t* norms = job.norms + (i * job.step + r) * job.stride + j * job.step;
        for (int64_t s = 0; s < job.taps_w; ++s) row += norms[s];
        raise(bounds->row, row);
        window += row;
      }
      raise(bounds->window, window);
    }
  }
}

void interleave(const int16_t* x0,
                const int16_t* x1,
                int64_t pixels,
                int64_t channels,
                int64_t in_stride,
                int16_t* out,
                int64_t out_stride) {
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      out[i * out_stride + 2 * c] = x0[i * in_stride + c];
      out[i * out_stride + 2 * c + 1] = x1[i * in_stride + c];
    }
  }
}

template <int kLanes>
void interleave_blocks(const int16_t* x0,
                       const int16_t* x1,
                       int64_t pixels,
                       int64_t columns,
                       BlockPlace place,
                       int16_t* b) {
  const int64_t padded = (columns + kLanes - 1) / kLanes * kLanes;
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t j = 0; j < padded; ++j) {
      const int64_t block = j / (2 * kLanes) * (2 * kLanes);
      const int64_t width = padded - block < 2 * kLanes ? kLanes : 2 * kLanes;
      const int64_t step = place.first + i * place.every;
      int16_t* out = b + 2 * (block * place.steps + step * width + j - block);
      out[0] = j < columns ? x0[i * columns + j] : int16_t{0};
      out[1] = j < columns ? x1[i * columns + j] : int16_t{0};
    }
  }
}

float channel_norms(
    const int16_t* pairs, int64_t pixels, int64_t channels, int64_t stride, float* total) {
  float bound = 0;
  for (int64_t c = 0; c < channels; ++c) {
    float sum = 0;
    for (int64_t i = 0; i < pixels; ++i) {
      const int16_t* p = pairs + i * stride + 2 * c;
      sum += static_cast<float>(square(p[0]) + square(p[1]));
    }
    total[c] += sum;
    bound = sum > bound ? sum : bound;
  }
  return bound;
}

}  // namespace

const Kernels kEight = {8,
                        multiply<Emulated<8, 6>>,
                        accumulate<Emulated<8, 6>>,
                        pixel_norms,
                        pixel_norms,
                        window_bounds,
                        interleave,
                        interleave_blocks<8>,
                        channel_norms};
const Kernels kSixteen = {16,
                          multiply<Emulated<16, 12>>,
                          accumulate<Emulated<16, 12>>,
                          pixel_norms,
                          pixel_norms,
                          window_bounds,
                          interleave,
                          interleave_blocks<16>,
                          channel_norms};
const Kernels kTiles = {16,
                        multiply_by_digits<Tiles>,
                        accumulate_by_digits<Tiles>,
                        pixel_norms,
                        pixel_norms,
                        window_bounds,
                        interleave,
                        interleave_blocks<16>,
                        channel_norms};

}  // namespace ginn::device::cpu::emulated
