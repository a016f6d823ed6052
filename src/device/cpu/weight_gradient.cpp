#include <algorithm>
#include <cstring>
#include <utility>

#include "device/cpu/correlation.h"

namespace ginn::device::cpu {

namespace {

constexpr int64_t kChunkSteps = 512;        // amortises the tile's sums, which go to memory
constexpr int64_t kChunkBytes = 128 << 10;  // of packed x: within L2
constexpr int64_t kSafeSteps = 16;          // 32 x 8191^2 < 2^31

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The reduction runs over pixels. A step multiplies the same pixel of two images, whose tensors are
// interleaved element by element. x is packed as [row][column][image pair][c][2], columns in the
// order of their phase (column mod stride): so a tap is a plain offset and the steps of a whole
// output row, over columns and image pairs, lie the same distance apart, whatever the stride. Work
// goes in chunks of some image pairs or of some rows of one pair.
struct Geometry {
  int64_t images, h, w, c, k;
  int64_t out_h, out_w;
  int64_t kernel_h, kernel_w, stride, padding;
  int64_t pixels;  // that exist; images of a pointwise layer are made up, the last may be short
  int64_t rows, pairs;         // destination rows, image pairs of a chunk
  int64_t src_rows, src_cols;  // packed, of a chunk's image pair
};

int64_t packed_rows(const Geometry& g, int64_t rows) { return (rows - 1) * g.stride + g.kernel_h; }
// Columns of phase f: the outputs' and what further taps of that phase reach.
int64_t phase_columns(const Geometry& g, int64_t f) {
  return g.out_w + (g.kernel_w - f - 1) / g.stride;
}
int64_t phases(const Geometry& g) { return std::min(g.stride, g.kernel_w); }

void cut_chunks(Geometry& g) {
  g.src_cols = 0;
  for (int64_t f = 0; f < phases(g); ++f) g.src_cols += phase_columns(g, f);
  const int64_t row_bytes = g.src_cols * g.c * 4;
  const int64_t by_bytes =
      std::max<int64_t>(1, (kChunkBytes / row_bytes - g.kernel_h) / g.stride + 1);
  const int64_t by_steps = ceil_div(kChunkSteps, g.out_w);
  const int64_t most = std::min({g.out_h, by_bytes, by_steps});
  g.rows = ceil_div(g.out_h, ceil_div(g.out_h, most));
  g.src_rows = packed_rows(g, g.rows);
  g.pairs = 1;
  if (g.rows < g.out_h) return;
  const int64_t all = ceil_div(g.images, 2);
  const int64_t by_pair_bytes = kChunkBytes / (g.src_rows * row_bytes);
  const int64_t by_pair_steps = ceil_div(kChunkSteps, g.rows * g.out_w);
  const int64_t pairs = std::clamp<int64_t>(std::min(by_pair_bytes, by_pair_steps), 1, all);
  g.pairs = ceil_div(all, ceil_div(all, pairs));
}

bool is_pointwise(const ConvShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.stride == 1 && s.padding == 0;
}

Geometry make_geometry(const ConvShape& s) {
  Geometry g{};
  g.images = s.n;
  g.h = s.h;
  g.w = s.w;
  g.c = s.c;
  g.k = s.k;
  g.out_h = s.out_h();
  g.out_w = s.out_w();
  g.kernel_h = s.kernel_h;
  g.kernel_w = s.kernel_w;
  g.stride = s.stride;
  g.padding = s.padding;
  g.pixels = g.images * g.h * g.w;
  if (is_pointwise(s)) {  // a list of pixels, cut into an even number of made-up images of one row
    constexpr int64_t kRow = 64;
    const int64_t pairs = ceil_div(g.pixels, 2 * kRow);
    g.images = 2 * pairs;
    g.h = g.out_h = 1;
    g.w = g.out_w = ceil_div(g.pixels, 2 * pairs);
  }
  cut_chunks(g);
  return g;
}

// Estimates of squared norms in float32, from above after kMargin: every term is rounded twice and
// passes at most 2^18 additions (the pixels of a packed row, then the rows of a chunk, each fewer
// than 2^17), so a sum is at least (1 - 2^-24)^(2^18 + 2) > 0.98 of the true one. They choose how a
// sum is computed, never its value.
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

// sums: [KH,KW,C,columns], the gradient with k padded to whole vectors.
class Gradient {
 public:
  Gradient(const Kernels& kernels,
           const Geometry& geometry,
           const int16_t* x,
           const int16_t* dy,
           int64_t* sums,
           Scratch& scratch)
      : kernels_(kernels), g_(geometry), x_(x), dy_(dy) {
    columns_ = padded_columns(g_.k, kernels.lanes);
    made_up_ = g_.pixels != g_.images * g_.h * g_.w;
    taps_ = g_.kernel_h * g_.kernel_w * g_.c;
    const int64_t steps = g_.pairs * g_.rows * g_.out_w;
    sums_ = sums != nullptr ? sums : take<int64_t>(scratch, taps_ * columns_);
    zeros_ = take_zeros<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    packed_x_ = take<int16_t>(scratch, g_.src_rows * g_.src_cols * g_.pairs * g_.c * 2);
    packed_dy_ = take<int16_t>(scratch, steps * columns_ * 2);
    short_row_[0] = take<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    short_row_[1] = take<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    x_norms_.count = g_.c;
    x_norms_.channels = take<float>(scratch, g_.c);
    dy_norms_.count = columns_;
    dy_norms_.channels = take<float>(scratch, columns_);
    runs_ = take<Run>(scratch, g_.rows * ceil_div(g_.pairs * g_.out_w, kSafeSteps));
    tap_offset_ = take<int64_t>(scratch, taps_);
    list_taps(g_.pairs);
  }

  void run() {
    const int64_t pairs = ceil_div(g_.images, 2);
    for (int64_t pair = 0; pair < pairs; pair += g_.pairs) {
      for (int64_t row = 0; row < g_.out_h; row += g_.rows) {
        add(Chunk{pair, std::min(g_.pairs, pairs - pair), row, std::min(g_.rows, g_.out_h - row)});
      }
    }
  }

  const int64_t* sums() const { return sums_; }
  int64_t columns() const { return columns_; }

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

  // Where a column of the padded image lies in a packed row.
  int64_t column_place(int64_t column) const {
    const int64_t f = column % g_.stride;
    int64_t first = 0;
    for (int64_t i = 0; i < f; ++i) first += phase_columns(g_, i);
    return first + column / g_.stride;
  }

  void list_taps(int64_t pairs) {
    listed_pairs_ = pairs;
    int64_t* at = tap_offset_;
    for (int64_t r = 0; r < g_.kernel_h; ++r) {
      for (int64_t s = 0; s < g_.kernel_w; ++s) {
        const int64_t pixel = (r * g_.src_cols + column_place(s)) * pairs;
        for (int64_t c = 0; c < g_.c; ++c) *at++ = 2 * (pixel * g_.c + c);
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

  // Packed row t of the chunk's image pair: every phase's columns, zeros outside the image.
  void pack_x_row(const Chunk& chunk, int64_t pair, int64_t t) {
    const int64_t row = chunk.row * g_.stride - g_.padding + t;
    const int64_t pixel = chunk.pairs * 2 * g_.c;
    int16_t* to = packed_x_ + (t * g_.src_cols * chunk.pairs + pair) * 2 * g_.c;
    const bool inside = row >= 0 && row < g_.h;
    const int64_t image = 2 * (chunk.pair + pair);
    const int16_t* x0 = zeros_;
    const int16_t* x1 = zeros_;
    if (inside) {
      x0 = row_of(x_, image, g_.h, row, g_.w, g_.c, short_row_[0]);
      x1 = row_of(x_, image + 1, g_.h, row, g_.w, g_.c, short_row_[1]);
    }
    const auto zero = [&](int64_t count) {
      for (int64_t i = 0; i < count; ++i, to += pixel) {
        std::memset(to, 0, static_cast<size_t>(2 * g_.c) * sizeof *to);
      }
    };
    for (int64_t f = 0; f < phases(g_); ++f) {
      // Column j is the image's f - padding + j stride.
      const int64_t count = phase_columns(g_, f);
      const int64_t begin =
          std::min(count, ceil_div(std::max<int64_t>(g_.padding - f, 0), g_.stride));
      const int64_t last = g_.w - 1 + g_.padding - f;
      const int64_t end = last < 0 ? begin : std::clamp(last / g_.stride + 1, begin, count);
      zero(begin);
      const int64_t from = (f - g_.padding + begin * g_.stride) * g_.c;
      if (end > begin) {
        const int64_t in = inside ? g_.stride * g_.c : 0;
        const int64_t at = inside ? from : 0;
        kernels_.interleave(x0 + at, x1 + at, end - begin, g_.c, in, to, pixel);
      }
      to += (end - begin) * pixel;
      zero(count - end);
    }
  }

  void pack_x(const Chunk& chunk) {
    const int64_t unit = 2 * g_.c;
    for (int64_t t = 0; t < packed_rows(g_, chunk.rows); ++t) {
      if (t % g_.stride >= g_.kernel_h) continue;  // no tap sees it
      for (int64_t pair = 0; pair < chunk.pairs; ++pair) pack_x_row(chunk, pair, t);
      const int64_t pixels = g_.src_cols * chunk.pairs;
      const float bound = kernels_.channel_norms(
          packed_x_ + t * pixels * unit, pixels, g_.c, unit, x_norms_.channels);
      x_norms_.row = std::max(x_norms_.row, bound);
    }
  }

  void pack_dy(const Chunk& chunk) {
    const int64_t row_steps = chunk.pairs * g_.out_w;
    const int64_t steps = chunk.rows * row_steps;
    for (int64_t t = 0; t < chunk.rows; ++t) {
      for (int64_t pair = 0; pair < chunk.pairs; ++pair) {
        const int64_t image = 2 * (chunk.pair + pair);
        const int64_t row = chunk.row + t;
        const int16_t* y0 = row_of(dy_, image, g_.out_h, row, g_.out_w, g_.k, short_row_[0]);
        const int16_t* y1 = row_of(dy_, image + 1, g_.out_h, row, g_.out_w, g_.k, short_row_[1]);
        const BlockPlace place{t * row_steps + pair, chunk.pairs, steps};
        kernels_.interleave_blocks(y0, y1, g_.out_w, g_.k, place, packed_dy_);
      }
      for (int64_t column = 0; column < columns_; column += 2 * kernels_.lanes) {
        const int64_t width = std::min(2 * kernels_.lanes, columns_ - column);
        const int16_t* block = packed_dy_ + 2 * (column * steps + t * row_steps * width);
        const float bound =
            kernels_.channel_norms(block, row_steps, width, 2 * width, dy_norms_.channels + column);
        dy_norms_.row = std::max(dy_norms_.row, bound);
      }
    }
  }

  // Flushes at the end of the chunk if its sums fit int32, else after as many rows as fit, else
  // after 16 steps.
  int64_t make_runs(const Chunk& chunk) {
    const int64_t row_steps = chunk.pairs * g_.out_w;
    int64_t rows_to_flush = rows_that_fit(x_norms_.row, dy_norms_.row, chunk.rows);
    if (rows_that_fit(x_norms_.largest(), dy_norms_.largest(), 1) == 1) rows_to_flush = chunk.rows;
    const int64_t most = rows_to_flush > 0 ? row_steps : kSafeSteps;
    Run* run = runs_;
    for (int64_t i = 0; i < chunk.rows; ++i) {
      const int64_t offset = i * g_.stride * g_.src_cols * chunk.pairs * g_.c * 2;
      const bool flush = rows_to_flush == 0 || (i + 1) % rows_to_flush == 0 || i + 1 == chunk.rows;
      for (int64_t step = 0; step < row_steps; step += most) {
        *run++ = Run{offset + step * g_.c * 2,
                     static_cast<int32_t>(std::min(most, row_steps - step)),
                     flush ? 1 : 0};
      }
    }
    return run - runs_;
  }

  void add(const Chunk& chunk) {
    x_norms_.row = dy_norms_.row = 0;
    std::fill(x_norms_.channels, x_norms_.channels + x_norms_.count, 0.0f);
    std::fill(dy_norms_.channels, dy_norms_.channels + dy_norms_.count, 0.0f);
    if (chunk.pairs != listed_pairs_) list_taps(chunk.pairs);
    pack_x(chunk);
    pack_dy(chunk);
    AccumulateJob job{};
    job.a = packed_x_;
    job.a_offset = tap_offset_;
    job.rows = taps_;
    job.a_step = g_.c * 2;
    job.b = packed_dy_;
    job.columns = g_.k;
    job.steps = chunk.pairs * chunk.rows * g_.out_w;
    job.sums = sums_;
    job.sums_stride = columns_;
    job.runs = runs_;
    job.run_count = make_runs(chunk);
    job.set = chunk.pair == 0 && chunk.row == 0 ? 1 : 0;
    kernels_.accumulate(job);
  }

  const Kernels& kernels_;
  const Geometry g_;
  const int16_t* x_;
  const int16_t* dy_;
  bool made_up_;
  int64_t columns_, taps_, listed_pairs_;
  int64_t* sums_;
  int64_t* tap_offset_;
  int16_t* zeros_;
  int16_t* packed_x_;
  int16_t* packed_dy_;
  int16_t* short_row_[2];
  Estimate x_norms_, dy_norms_;
  Run* runs_;
};

// dw: [K,C,KH,KW] from sums: [KH,KW,C,columns]; a cache line of sums at a time.
void write_transposed(const ConvShape& s, const int64_t* sums, int64_t columns, int64_t* dw) {
  const int64_t area = int64_t{s.kernel_h} * s.kernel_w;
  const int64_t filter = s.c * area;
  constexpr int64_t kLine = 8;
  for (int64_t k = 0; k < s.k; k += kLine) {
    const int64_t count = std::min(kLine, s.k - k);
    for (int64_t c = 0; c < s.c; ++c) {
      for (int64_t tap = 0; tap < area; ++tap) {
        const int64_t* from = sums + (tap * s.c + c) * columns + k;
        int64_t* to = dw + k * filter + c * area + tap;
        for (int64_t j = 0; j < count; ++j) to[j * filter] = from[j];
      }
    }
  }
}

// A pointwise layer's gradient [K,C] is the transpose of [C,K]: with x and dy changed over, the
// sums come out in dw's order, and in dw itself where C is a whole number of vectors.
void pointwise_gradient(const Kernels& kernels,
                        ConvShape shape,
                        const int16_t* x,
                        const int16_t* dy,
                        int64_t* dw,
                        Scratch& scratch) {
  std::swap(shape.c, shape.k);
  const int64_t filters = shape.c;
  const int64_t channels = shape.k;
  const bool whole = channels == padded_columns(channels, kernels.lanes);
  Gradient gradient(kernels, make_geometry(shape), dy, x, whole ? dw : nullptr, scratch);
  gradient.run();
  if (whole) return;
  for (int64_t k = 0; k < filters; ++k) {
    std::memcpy(dw + k * channels,
                gradient.sums() + k * gradient.columns(),
                static_cast<size_t>(channels) * sizeof *dw);
  }
}

}  // namespace

void weight_gradient(const Kernels& kernels,
                     const ConvShape& shape,
                     const int16_t* x,
                     const int16_t* dy,
                     int64_t* dw,
                     Scratch& scratch) {
  scratch.reset();
  if (is_pointwise(shape)) {
    pointwise_gradient(kernels, shape, x, dy, dw, scratch);
    return;
  }
  Gradient gradient(kernels, make_geometry(shape), x, dy, nullptr, scratch);
  gradient.run();
  write_transposed(shape, gradient.sums(), gradient.columns(), dw);
}

}  // namespace ginn::device::cpu
