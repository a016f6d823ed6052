#include <algorithm>
#include <cstring>

#include "device/cpu/correlation.h"

namespace ginn::device::cpu {

namespace {

constexpr int64_t kChunkSteps = 512;        // amortises the tile's sums, which go to memory
constexpr int64_t kChunkBytes = 128 << 10;  // of packed x: within L2
constexpr int64_t kSafeSteps = 16;          // 32 x 8191^2 < 2^31

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The reduction runs over pixels. A step multiplies the same pixel of two images, whose tensors are
// interleaved element by element: so a tap is a plain offset, whatever the stride, and one packed
// copy of x serves all taps. Work goes in chunks of some image pairs or of some rows of one pair.
struct Geometry {
  int64_t images, h, w, c, k;
  int64_t out_h, out_w;
  int64_t kernel_h, kernel_w, stride, padding;
  int64_t pixels;  // that exist; images of a pointwise layer are made up, the last may be short
  int64_t rows, pairs;         // destination rows, image pairs of a chunk
  int64_t src_rows, src_cols;  // packed, of a chunk's image pair
};

int64_t packed_rows(const Geometry& g, int64_t rows) { return (rows - 1) * g.stride + g.kernel_h; }

Geometry make_geometry(const ConvShape& s) {
  Geometry g{s.n,
             s.h,
             s.w,
             s.c,
             s.k,
             s.out_h(),
             s.out_w(),
             s.kernel_h,
             s.kernel_w,
             s.stride,
             s.padding,
             0,
             0,
             0,
             0,
             0};
  g.pixels = g.images * g.h * g.w;
  if (g.kernel_h == 1 && g.kernel_w == 1 && g.stride == 1 && g.padding == 0) {
    // A list of pixels, cut into an even number of made-up images of one row; the last may be
    // short.
    constexpr int64_t kRow = 64;
    const int64_t pairs = ceil_div(g.pixels, 2 * kRow);
    g.images = 2 * pairs;
    g.h = g.out_h = 1;
    g.w = g.out_w = ceil_div(g.pixels, 2 * pairs);
  }
  g.src_cols = (g.out_w - 1) * g.stride + g.kernel_w;
  const int64_t row_bytes = g.src_cols * g.c * 4;
  const int64_t by_bytes =
      std::max<int64_t>(1, (kChunkBytes / row_bytes - g.kernel_h) / g.stride + 1);
  const int64_t by_steps = ceil_div(kChunkSteps, g.out_w);
  const int64_t most = std::min({g.out_h, by_bytes, by_steps});
  g.rows = ceil_div(g.out_h, ceil_div(g.out_h, most));
  g.src_rows = packed_rows(g, g.rows);
  g.pairs = 1;
  if (g.rows == g.out_h) {
    const int64_t pair_bytes = g.src_rows * row_bytes;
    const int64_t pairs = std::min(kChunkBytes / pair_bytes, kChunkSteps / (g.rows * g.out_w));
    g.pairs = std::clamp<int64_t>(pairs, 1, ceil_div(g.images, 2));
  }
  return g;
}

// Estimates of squared norms in float32, from above after kMargin: every term is rounded twice and
// passes fewer than 2^18 additions (the pixels of a packed row, then the rows of a chunk), so a sum
// is at least (1 - 2^-24)^(2^18 + 2) > 0.98 of the true one. They choose how a sum is computed,
// never its value.
struct Estimate {
  float row = 0;    // the largest of one channel in one packed row
  float* channels;  // of one channel in the chunk
  int64_t count;
  float largest() const { return *std::max_element(channels, channels + count); }
};
constexpr double kMargin = 1.05;  // > 0.98^-2

// t rows of both: |sum| <= t |x row| |dy row|.
int64_t rows_that_fit(double x, double dy, int64_t limit) {
  constexpr double kEnd = 4611686018427387904.0;  // 2^62
  int64_t t = limit;
  while (t > 0 && static_cast<double>(t * t) * x * dy * kMargin >= kEnd) t /= 2;
  return t;
}

// A chunk: image pairs [pair, pair + pairs), destination rows [row, row + rows).
struct Chunk {
  int64_t pair, pairs, row, rows;
};

class Gradient {
 public:
  Gradient(const Kernels& kernels,
           const Geometry& geometry,
           const int16_t* x,
           const int16_t* dy,
           Scratch& scratch)
      : kernels_(kernels), g_(geometry), x_(x), dy_(dy) {
    columns_ = padded_columns(g_.k, kernels.lanes);
    made_up_ = g_.pixels != g_.images * g_.h * g_.w;
    taps_ = g_.kernel_h * g_.kernel_w * g_.c;
    pair_stride_ = g_.src_rows * g_.src_cols * g_.c * 2;
    const int64_t steps = g_.pairs * g_.rows * g_.out_w;
    sums_ = take_zeros<int64_t>(scratch, taps_ * columns_);
    zeros_ = take_zeros<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    packed_x_ = take<int16_t>(scratch, g_.pairs * pair_stride_);
    packed_dy_ = take<int16_t>(scratch, steps * columns_ * 2);
    short_row_[0] = take<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    short_row_[1] = take<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    x_norms_.count = g_.c;
    x_norms_.channels = take<float>(scratch, g_.c);
    dy_norms_.count = columns_;
    dy_norms_.channels = take<float>(scratch, columns_);
    runs_ = take<Run>(scratch, g_.pairs * g_.rows * ceil_div(g_.out_w, kSafeSteps));
    list_taps(scratch);
  }

  void run() {
    const int64_t pairs = ceil_div(g_.images, 2);
    for (int64_t pair = 0; pair < pairs; pair += g_.pairs) {
      for (int64_t row = 0; row < g_.out_h; row += g_.rows) {
        add(Chunk{pair, std::min(g_.pairs, pairs - pair), row, std::min(g_.rows, g_.out_h - row)});
      }
    }
  }

  // dw: [K,C,KH,KW] from sums: [KH,KW,C,columns]; a cache line of sums at a time.
  void write(int64_t* dw) const {
    const int64_t area = g_.kernel_h * g_.kernel_w;
    constexpr int64_t kLine = 8;
    for (int64_t k = 0; k < g_.k; k += kLine) {
      const int64_t count = std::min(kLine, g_.k - k);
      for (int64_t c = 0; c < g_.c; ++c) {
        for (int64_t tap = 0; tap < area; ++tap) {
          const int64_t* from = sums_ + (tap * g_.c + c) * columns_ + k;
          int64_t* to = dw + (k * g_.c + c) * area + tap;
          for (int64_t j = 0; j < count; ++j) to[j * g_.c * area] = from[j];
        }
      }
    }
  }

 private:
  template <typename T>
  static T* take(Scratch& scratch, int64_t count) {
    return scratch.take<T>(static_cast<size_t>(count));
  }
  template <typename T>
  static T* take_zeros(Scratch& scratch, int64_t count) {
    T* out = take<T>(scratch, count);
    std::memset(out, 0, static_cast<size_t>(count) * sizeof(T));
    return out;
  }

  void list_taps(Scratch& scratch) {
    tap_offset_ = take<int64_t>(scratch, taps_);
    int64_t* at = tap_offset_;
    for (int64_t r = 0; r < g_.kernel_h; ++r) {
      for (int64_t s = 0; s < g_.kernel_w; ++s) {
        for (int64_t c = 0; c < g_.c; ++c) *at++ = 2 * ((r * g_.src_cols + s) * g_.c + c);
      }
    }
  }

  // A row of `width` pixels of an image; zeros where there is no such image; a made-up image that
  // ends early is completed with zeros in `spare`.
  const int16_t* row_of(const int16_t* tensor,
                        int64_t image,
                        int64_t height,
                        int64_t row,
                        int64_t width,
                        int64_t channels,
                        int16_t* spare) const {
    if (image >= g_.images) return zeros_;
    const int64_t first = (image * height + row) * width;
    const int64_t left = made_up_ ? g_.pixels - first : width;
    if (left >= width) return tensor + first * channels;
    if (left <= 0) return zeros_;
    std::memcpy(spare, tensor + first * channels, static_cast<size_t>(left * channels) * 2);
    std::memset(spare + left * channels, 0, static_cast<size_t>((width - left) * channels) * 2);
    return spare;
  }

  void pack_x(const Chunk& chunk) {
    const int64_t left = g_.padding;
    const int64_t middle = std::min(g_.w, g_.src_cols - left);
    const int64_t right = g_.src_cols - left - std::max<int64_t>(middle, 0);
    const int64_t unit = 2 * g_.c;
    for (int64_t pair = 0; pair < chunk.pairs; ++pair) {
      for (int64_t t = 0; t < packed_rows(g_, chunk.rows); ++t) {
        const int64_t row = chunk.row * g_.stride - g_.padding + t;
        int16_t* to = packed_x_ + pair * pair_stride_ + t * g_.src_cols * unit;
        if (row < 0 || row >= g_.h || middle <= 0) {
          std::memset(to, 0, static_cast<size_t>(g_.src_cols * unit) * sizeof *to);
          continue;
        }
        const int64_t image = 2 * (chunk.pair + pair);
        const int16_t* x0 = row_of(x_, image, g_.h, row, g_.w, g_.c, short_row_[0]);
        const int16_t* x1 = row_of(x_, image + 1, g_.h, row, g_.w, g_.c, short_row_[1]);
        std::memset(to, 0, static_cast<size_t>(left * unit) * sizeof *to);
        kernels_.interleave(x0, x1, middle * g_.c, to + left * unit);
        std::memset(to + (left + middle) * unit, 0, static_cast<size_t>(right * unit) * sizeof *to);
        const float bound =
            kernels_.channel_norms(to + left * unit, middle, g_.c, unit, x_norms_.channels);
        x_norms_.row = std::max(x_norms_.row, bound);
      }
    }
  }

  void pack_dy(const Chunk& chunk) {
    const int64_t steps = chunk.pairs * chunk.rows * g_.out_w;
    for (int64_t pair = 0; pair < chunk.pairs; ++pair) {
      for (int64_t t = 0; t < chunk.rows; ++t) {
        const int64_t image = 2 * (chunk.pair + pair);
        const int64_t row = chunk.row + t;
        const int16_t* y0 = row_of(dy_, image, g_.out_h, row, g_.out_w, g_.k, short_row_[0]);
        const int16_t* y1 = row_of(dy_, image + 1, g_.out_h, row, g_.out_w, g_.k, short_row_[1]);
        const int64_t first = (pair * chunk.rows + t) * g_.out_w;
        pack_dy_row(y0, y1, first, steps);
      }
    }
  }

  void pack_dy_row(const int16_t* y0, const int16_t* y1, int64_t first, int64_t steps) {
    kernels_.interleave_blocks(y0, y1, g_.out_w, g_.k, first, steps, packed_dy_);
    for (int64_t column = 0; column < columns_; column += 2 * kernels_.lanes) {
      const int64_t width = std::min(2 * kernels_.lanes, columns_ - column);
      const int16_t* block = packed_dy_ + 2 * (column * steps + first * width);
      const float bound =
          kernels_.channel_norms(block, g_.out_w, width, 2 * width, dy_norms_.channels + column);
      dy_norms_.row = std::max(dy_norms_.row, bound);
    }
  }

  // Flushes at the end of the chunk if its sums fit int32, else after as many rows as fit, else
  // after 16 steps.
  int64_t make_runs(const Chunk& chunk) {
    const int64_t rows = chunk.pairs * chunk.rows;
    int64_t rows_to_flush = rows_that_fit(x_norms_.row, dy_norms_.row, rows);
    if (rows_that_fit(x_norms_.largest(), dy_norms_.largest(), 1) == 1) rows_to_flush = rows;
    const int64_t most = rows_to_flush > 0 ? g_.out_w : kSafeSteps;
    Run* run = runs_;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t offset =
          i / chunk.rows * pair_stride_ + i % chunk.rows * g_.stride * g_.src_cols * g_.c * 2;
      const bool flush = rows_to_flush == 0 || (i + 1) % rows_to_flush == 0 || i + 1 == rows;
      for (int64_t q = 0; q < g_.out_w; q += most) {
        *run++ = Run{offset + q * g_.stride * g_.c * 2,
                     static_cast<int32_t>(std::min(most, g_.out_w - q)),
                     flush ? 1 : 0};
      }
    }
    return run - runs_;
  }

  void add(const Chunk& chunk) {
    x_norms_.row = dy_norms_.row = 0;
    std::fill(x_norms_.channels, x_norms_.channels + x_norms_.count, 0.0f);
    std::fill(dy_norms_.channels, dy_norms_.channels + dy_norms_.count, 0.0f);
    pack_x(chunk);
    pack_dy(chunk);
    AccumulateJob job{};
    job.a = packed_x_;
    job.a_offset = tap_offset_;
    job.rows = taps_;
    job.a_step = g_.stride * g_.c * 2;
    job.b = packed_dy_;
    job.columns = g_.k;
    job.steps = chunk.pairs * chunk.rows * g_.out_w;
    job.sums = sums_;
    job.sums_stride = columns_;
    job.runs = runs_;
    job.run_count = make_runs(chunk);
    kernels_.accumulate(job);
  }

  const Kernels& kernels_;
  const Geometry g_;
  const int16_t* x_;
  const int16_t* dy_;
  bool made_up_;
  int64_t columns_, taps_, pair_stride_;
  int64_t* sums_;
  int64_t* tap_offset_ = nullptr;
  int16_t* zeros_;
  int16_t* packed_x_;
  int16_t* packed_dy_;
  int16_t* short_row_[2];
  Estimate x_norms_, dy_norms_;
  Run* runs_;
};

}  // namespace

void weight_gradient(const Kernels& kernels,
                     const ConvShape& shape,
                     const int16_t* x,
                     const int16_t* dy,
                     int64_t* dw,
                     Scratch& scratch) {
  scratch.reset();
  Gradient gradient(kernels, make_geometry(shape), x, dy, scratch);
  gradient.run();
  gradient.write(dw);
}

}  // namespace ginn::device::cpu
