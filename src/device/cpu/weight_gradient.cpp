#include <algorithm>
#include <cstring>
#include <utility>

#include "device/cpu/correlation.h"
#include "device/cpu/weight_plan.h"

namespace ginn::device::cpu {

namespace {

constexpr int64_t kLine = 8;  // int64 of a cache line

// Estimates of squared norms in float32, from above after kMargin: every term is rounded twice and
// passes at most 2^18 additions (the pixels of a packed row, then the rows of a chunk, each fewer
// than 2^17), so a sum is at least (1 - 2^-24)^(2^18 + 2) > 0.98 of the true one. They choose how a
// sum is computed, never its value.
struct Estimate {
  float row = 0;    // the largest of one channel in one packed row
  float* channels;  // of one channel in the chunk
  int64_t count = 0;
  void clear(int64_t channel_count) {
    row = 0;
    count = channel_count;
    std::fill(channels, channels + count, 0.0f);
  }
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
// Channels [first, first + count) of x.
struct Block {
  int64_t first, count;
};
// The sums of a block for k in [first, first + count): [KH,KW,channel,stride], whole vectors of k.
struct Sums {
  const int64_t* at;
  int64_t first, count, stride;
};

class Gradient {
 public:
  Gradient(const Kernels& kernels,
           const WeightPlan& plan,
           const int16_t* x,
           const int16_t* dy,
           Scratch& scratch)
      : kernels_(kernels), g_(plan), x_(x), dy_(dy) {
    columns_ = padded_columns(g_.k, kernels.lanes);
    made_up_ = g_.pixels != g_.images * g_.h * g_.w;
    area_ = g_.kernel_h * g_.kernel_w;
    const int64_t steps = g_.pairs * g_.rows * g_.out_w;
    one_chunk_ = g_.rows == g_.out_h && 2 * g_.pairs >= g_.images;
    part_ = one_chunk_ ? part_of_columns() : columns_;
    sums_ = take<int64_t>(scratch, area_ * (one_chunk_ ? g_.block : g_.c) * part_);
    zeros_ = take_zeros<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    digits_ = g_.operands == OperandFormat::kDfp14 ? 1 : 2;
    safe_steps_ = digits_ == 1 ? kSafeSteps : kSafeDigitSteps;
    digit_stride_ = g_.src_rows * g_.src_cols * g_.pairs * g_.block * 2;
    packed_x_ = take<int16_t>(scratch, digits_ * digit_stride_);
    packed_dy_ = take<int16_t>(scratch, steps * columns_ * 2);
    short_row_[0] = take<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    short_row_[1] = take<int16_t>(scratch, std::max(g_.w * g_.c, g_.out_w * g_.k));
    x_norms_.channels = take<float>(scratch, g_.block);
    dy_norms_.channels = take<float>(scratch, columns_);
    runs_ = take<Run>(scratch, digits_ * g_.rows * ceil_div(g_.pairs * g_.out_w, safe_steps_));
    tap_offset_ = take<int64_t>(scratch, area_ * g_.block);
  }

  // Calls done(block, sums) for every block, once or for parts of its columns.
  template <typename Done>
  void run(const Done& done) {
    const int64_t pairs = ceil_div(g_.images, 2);
    for (int64_t pair = 0; pair < pairs; pair += g_.pairs) {
      for (int64_t row = 0; row < g_.out_h; row += g_.rows) {
        const Chunk chunk{
            pair, std::min(g_.pairs, pairs - pair), row, std::min(g_.rows, g_.out_h - row)};
        pack_dy(chunk);
        for_blocks([&](const Block& block) {
          AccumulateJob job = job_of(chunk, block);
          for (int64_t first = 0; first < g_.k; first += part_) {
            job.b = packed_dy_ + 2 * first * job.steps;
            job.columns = std::min(part_, g_.k - first);
            kernels_.accumulate(job);
            if (one_chunk_) done(block, Sums{sums_, first, job.columns, part_});
          }
        });
      }
    }
    if (one_chunk_) return;
    for_blocks([&](const Block& block) { done(block, Sums{sums_of(block), 0, g_.k, part_}); });
  }

 private:
  // Sums that go on at once stay in the second cache.
  int64_t part_of_columns() const {
    constexpr int64_t kBytes = 256 << 10;
    const int64_t unit = 2 * kernels_.lanes;
    const int64_t most = kBytes / (int64_t{8} * area_ * g_.block);
    const int64_t parts = ceil_div(columns_, std::max(unit, most));
    return std::min(columns_, ceil_div(ceil_div(columns_, parts), unit) * unit);
  }

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

  template <typename Body>
  void for_blocks(const Body& body) const {
    for (int64_t c = 0; c < g_.c; c += g_.block) body(Block{c, std::min(g_.block, g_.c - c)});
  }

  int64_t* sums_of(const Block& block) const {
    return sums_ + (one_chunk_ ? 0 : block.first * area_ * columns_);
  }

  // Where a column of the padded image lies in a packed row.
  int64_t column_place(int64_t column) const {
    const int64_t f = column % g_.stride;
    int64_t first = 0;
    for (int64_t i = 0; i < f; ++i) first += g_.phase_columns(i);
    return first + column / g_.stride;
  }

  void list_taps(int64_t pairs, int64_t channels) {
    if (pairs == listed_pairs_ && channels == listed_channels_) return;
    listed_pairs_ = pairs;
    listed_channels_ = channels;
    int64_t* at = tap_offset_;
    for (int64_t r = 0; r < g_.kernel_h; ++r) {
      for (int64_t s = 0; s < g_.kernel_w; ++s) {
        const int64_t pixel = (r * g_.src_cols + column_place(s)) * pairs;
        for (int64_t c = 0; c < channels; ++c) *at++ = 2 * (pixel * channels + c);
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
  void pack_x_row(const Chunk& chunk, const Block& block, int64_t pair, int64_t t) {
    const int64_t row = chunk.row * g_.stride - g_.padding + t;
    const int64_t pixel = chunk.pairs * 2 * block.count;
    int16_t* to = packed_x_ + (t * g_.src_cols * chunk.pairs + pair) * 2 * block.count;
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
        std::memset(to, 0, static_cast<size_t>(2 * block.count) * sizeof *to);
      }
    };
    for (int64_t f = 0; f < g_.phases(); ++f) {
      // Column j is the image's f - padding + j stride.
      const int64_t count = g_.phase_columns(f);
      const int64_t begin =
          std::min(count, ceil_div(std::max<int64_t>(g_.padding - f, 0), g_.stride));
      const int64_t last = g_.w - 1 + g_.padding - f;
      const int64_t end = last < 0 ? begin : std::clamp(last / g_.stride + 1, begin, count);
      zero(begin);
      const int64_t from = (f - g_.padding + begin * g_.stride) * g_.c + block.first;
      if (end > begin) {
        const int64_t in = inside ? g_.stride * g_.c : 0;
        const int64_t at = inside ? from : 0;
        kernels_.interleave(x0 + at, x1 + at, end - begin, block.count, in, to, pixel);
      }
      to += (end - begin) * pixel;
      zero(count - end);
    }
  }

  void pack_x(const Chunk& chunk, const Block& block) {
    x_norms_.clear(block.count);
    const int64_t unit = 2 * block.count;
    for (int64_t t = 0; t < g_.packed_rows(chunk.rows); ++t) {
      if (t % g_.stride >= g_.kernel_h) continue;  // no tap sees it
      for (int64_t pair = 0; pair < chunk.pairs; ++pair) pack_x_row(chunk, block, pair, t);
      const int64_t pixels = g_.src_cols * chunk.pairs;
      int16_t* row = packed_x_ + t * pixels * unit;
      const float bound = kernels_.channel_norms(row, pixels, block.count, unit, x_norms_.channels);
      x_norms_.row = std::max(x_norms_.row, bound);
      if (digits_ > 1) split_digits(row, pixels * unit, row + digit_stride_);
    }
  }

  void pack_dy(const Chunk& chunk) {
    dy_norms_.clear(columns_);
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

  // Rows of the chunk whose sums fit int32; 0 if a row is too much.
  int64_t rows_to_flush(const Chunk& chunk) const {
    if (digits_ > 1) return safe_steps_ / (chunk.pairs * g_.out_w);
    if (rows_that_fit(x_norms_.largest(), dy_norms_.largest(), 1) == 1) return chunk.rows;
    return rows_that_fit(x_norms_.row, dy_norms_.row, chunk.rows);
  }

  // Flushes at the end of the chunk if its sums fit int32, else after as many rows as fit, else
  // after the steps that always fit.
  int64_t make_runs(const Chunk& chunk, const Block& block) {
    const int64_t row_steps = chunk.pairs * g_.out_w;
    const int64_t rows = rows_to_flush(chunk);
    const int64_t most = rows > 0 ? row_steps : safe_steps_;
    Run* run = runs_;
    for (int64_t digit = 0; digit < digits_; ++digit) {
      const Run* const first = run;
      for (int64_t i = 0; i < chunk.rows; ++i) {
        const int64_t offset =
            digit * digit_stride_ + i * g_.stride * g_.src_cols * chunk.pairs * block.count * 2;
        const bool flush = rows == 0 || (i + 1) % rows == 0 || i + 1 == chunk.rows;
        for (int64_t step = 0; step < row_steps; step += most) {
          *run = Run{offset + step * block.count * 2,
                     static_cast<int32_t>(std::min(most, row_steps - step)),
                     flush ? 1 : 0,
                     digit + 1 < digits_ ? kDigitShift : 0,
                     digit > 0 && run == first ? 1 : 0};
          ++run;
        }
      }
    }
    return run - runs_;
  }

  // All but the columns.
  AccumulateJob job_of(const Chunk& chunk, const Block& block) {
    list_taps(chunk.pairs, block.count);
    pack_x(chunk, block);
    AccumulateJob job{};
    job.a = packed_x_;
    job.a_offset = tap_offset_;
    job.rows = area_ * block.count;
    job.a_step = block.count * 2;
    job.steps = chunk.pairs * chunk.rows * g_.out_w;
    job.sums = sums_of(block);
    job.sums_stride = part_;
    job.runs = runs_;
    job.run_count = make_runs(chunk, block);
    job.set = chunk.pair == 0 && chunk.row == 0 ? 1 : 0;
    return job;
  }

  const Kernels& kernels_;
  const WeightPlan g_;
  const int16_t* x_;
  const int16_t* dy_;
  bool made_up_, one_chunk_;
  int64_t columns_, area_;
  int64_t part_;                 // columns at a time
  int64_t digits_, safe_steps_;  // of x, see plan.h
  int64_t digit_stride_;         // elements of packed_x_ from digit to digit
  int64_t listed_pairs_ = 0, listed_channels_ = 0;
  int64_t* sums_;
  int64_t* tap_offset_;
  int16_t* zeros_;
  int16_t* packed_x_;
  int16_t* packed_dy_;
  int16_t* short_row_[2];
  Estimate x_norms_, dy_norms_;
  Run* runs_;
};

// Hands over dw [K,C,KH,KW], a stretch of a filter at a time, from a block's sums; reads a cache
// line of sums at a time.
void hand_over_transposed(const ConvShape& s,
                          const Block& block,
                          const Sums& sums,
                          int64_t* lines,
                          const GradientSink& sink) {
  const int64_t area = int64_t{s.kernel_h} * s.kernel_w;
  const int64_t filter = s.c * area;
  const int64_t length = block.count * area;
  for (int64_t k = 0; k < sums.count; k += kLine) {
    const int64_t count = std::min(kLine, sums.count - k);
    for (int64_t tap = 0; tap < area; ++tap) {
      for (int64_t c = 0; c < block.count; ++c) {
        const int64_t* from = sums.at + (tap * block.count + c) * sums.stride + k;
        int64_t* to = lines + c * area + tap;
        for (int64_t j = 0; j < count; ++j) to[j * length] = from[j];
      }
    }
    for (int64_t j = 0; j < count; ++j) {
      sink(static_cast<size_t>((sums.first + k + j) * filter + block.first * area),
           lines + j * length,
           static_cast<size_t>(length));
    }
  }
}

}  // namespace

int64_t gradient_columns(const ConvShape& shape) { return is_pointwise(shape) ? shape.c : shape.k; }

void weight_gradient(const Kernels& kernels,
                     const ConvShape& shape,
                     const int16_t* x,
                     const int16_t* dy,
                     Scratch& scratch,
                     const GradientSink& sink) {
  scratch.reset();
  if (is_pointwise(shape)) {
    // dw [K,C] is the transpose of [C,K]: with x and dy changed over, the sums come out in dw's
    // order.
    ConvShape swapped = shape;
    std::swap(swapped.c, swapped.k);
    const int64_t row = shape.c;
    Gradient gradient(kernels, weight_plan(swapped), dy, x, scratch);
    gradient.run([&](const Block& block, const Sums& sums) {
      for (int64_t k = 0; k < block.count; ++k) {
        sink(static_cast<size_t>((block.first + k) * row + sums.first),
             sums.at + k * sums.stride,
             static_cast<size_t>(sums.count));
      }
    });
    return;
  }
  const WeightPlan plan = weight_plan(shape);
  Gradient gradient(kernels, plan, x, dy, scratch);
  auto* lines = scratch.take<int64_t>(
      static_cast<size_t>(kLine * plan.block * plan.kernel_h * plan.kernel_w));
  gradient.run([&](const Block& block, const Sums& sums) {
    hand_over_transposed(shape, block, sums, lines, sink);
  });
}

}  // namespace ginn::device::cpu
