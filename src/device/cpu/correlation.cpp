#include "device/cpu/correlation.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace ginn::device::cpu {

namespace {

constexpr int64_t kPieceBytes = 96 << 10;  // of source pixels: with the weights' block, within L2
constexpr int64_t kPiecePixels = 128;      // enough that a tail of a tile hardly counts
constexpr int64_t kListPixels = 64;        // large enough that weights are not read for few pixels

int64_t count_from(int64_t first, int64_t end, int64_t step) {
  return first < end ? ceil_div(end - first, step) : 0;
}

// The work is cut into pieces that stay in cache: some whole images, or a band of one image's rows.
// Every piece looks the same from its own beginning, but for a shorter last one.
struct Pieces {
  int64_t images, rows;      // of a full piece, destination rows
  int64_t src_row, src_col;  // where the first piece's source begins (may be negative)
  int64_t src_rows, src_cols;
  bool direct;  // windows lie within the source: it is read where it is
};

// Source rows that `rows` destination rows from the beginning of a piece need.
int64_t source_rows(const Plan& plan, int64_t src_row, int64_t rows) {
  int64_t end = src_row;
  for (const Phase& phase : plan.phases) {
    const int64_t count = count_from(phase.out_h, rows, plan.out_step);
    if (count > 0) end = std::max(end, phase.src_h + (count - 1) * plan.src_step + phase.taps_h);
  }
  return end - src_row;
}

Pieces cut_pieces(const Plan& plan) {
  Pieces pieces{};
  pieces.src_row = plan.phases[0].src_h;
  pieces.src_col = plan.phases[0].src_w;
  int64_t col_end = pieces.src_col;
  bool even = true;
  for (const Phase& phase : plan.phases) {
    pieces.src_row = std::min(pieces.src_row, phase.src_h);
    pieces.src_col = std::min(pieces.src_col, phase.src_w);
    const int64_t count = count_from(phase.out_w, plan.dst_w, plan.out_step);
    col_end = std::max(col_end, phase.src_w + (count - 1) * plan.src_step + phase.taps_w);
    even = even && phase.taps_w * plan.src_c % 2 == 0;
  }
  pieces.src_cols = col_end - pieces.src_col;
  const int64_t all_rows = source_rows(plan, pieces.src_row, plan.dst_h);
  const int64_t row_bytes = pieces.src_cols * plan.src_c * 2;
  pieces.direct = plan.digits() == 1 && even && pieces.src_row >= 0 && pieces.src_col >= 0 &&
                  col_end <= plan.src_w && pieces.src_row + all_rows <= plan.src_h;
  pieces.images = 1;
  pieces.rows = plan.dst_h;
  if (all_rows * row_bytes <= kPieceBytes) {
    const int64_t by_bytes = kPieceBytes / (all_rows * row_bytes);
    const int64_t phase_pixels =
        std::max<int64_t>(1, plan.dst_h * plan.dst_w / (plan.out_step * plan.out_step));
    const int64_t by_pixels = ceil_div(kPiecePixels, phase_pixels);
    pieces.images = std::max<int64_t>(1, std::min({plan.n, by_bytes, by_pixels}));
  } else {
    const bool list = pieces.direct && plan.src_w == 1;  // a linear layer's images, for instance
    const int64_t src_rows = std::max(list ? kListPixels : 1, kPieceBytes / row_bytes);
    const int64_t most = std::max<int64_t>(1, src_rows * plan.out_step / plan.src_step);
    const int64_t bands = ceil_div(plan.dst_h, most);
    // A multiple of the stride, so that every band begins in the same phase.
    pieces.rows = ceil_div(ceil_div(plan.dst_h, bands), plan.out_step) * plan.out_step;
  }
  pieces.src_rows = source_rows(plan, pieces.src_row, std::min(pieces.rows, plan.dst_h));
  return pieces;
}

// One piece: its place in both tensors.
struct Piece {
  int64_t image, images;
  int64_t dst_row, dst_rows;
  int64_t src_row, src_rows;
};

Piece piece_at(const Plan& plan, const Pieces& pieces, int64_t image, int64_t row) {
  Piece piece{};
  piece.image = image;
  piece.images = std::min(pieces.images, plan.n - image);
  piece.dst_row = row;
  piece.dst_rows = std::min(pieces.rows, plan.dst_h - row);
  piece.src_row = pieces.src_row + row / plan.out_step * plan.src_step;
  piece.src_rows = source_rows(plan, pieces.src_row, piece.dst_rows);
  return piece;
}

template <typename Body>
void for_pieces(const Plan& plan, const Pieces& pieces, const Body& body) {
  for (int64_t image = 0; image < plan.n; image += pieces.images) {
    for (int64_t row = 0; row < plan.dst_h; row += pieces.rows) {
      body(piece_at(plan, pieces, image, row));
    }
  }
}

// The columns of a piece that exist in the source: [begin, begin + count), after `left` zeros.
struct Columns {
  int64_t begin, count, left;
};
Columns columns_of(const Plan& plan, const Pieces& pieces) {
  const int64_t begin = std::max<int64_t>(pieces.src_col, 0);
  const int64_t end = std::min(pieces.src_col + pieces.src_cols, plan.src_w);
  return {begin, std::max<int64_t>(end - begin, 0), begin - pieces.src_col};
}

// Calls inside(row, source row) or outside(row) for the piece's rows of one image.
template <typename Inside, typename Outside>
void for_source_rows(const Plan& plan,
                     const Piece& piece,
                     const Inside& inside,
                     const Outside& outside) {
  for (int64_t t = 0; t < piece.src_rows; ++t) {
    const int64_t row = piece.src_row + t;
    if (row < 0 || row >= plan.src_h) {
      outside(t);
    } else {
      inside(t, row);
    }
  }
}

Norms norms_of(const PixelBounds& pixels, const WindowBounds& windows) {
  return {static_cast<uint64_t>(windows.window),
          static_cast<uint64_t>(windows.row),
          static_cast<uint64_t>(pixels.pixel),
          static_cast<uint64_t>(pixels.chunk)};
}

PixelNorms pixel_norms_of(const Kernels& kernels, const Plan& plan) {
  return plan.operands == OperandFormat::kDfp14 ? kernels.pixel_norms : kernels.pixel_norms_wide;
}

// Windows of one pixel each, which lie within the source (padding < kernel = 1).
bool one_pixel_windows(const Plan& plan) {
  return plan.phases.size() == 1 && plan.phases[0].taps_h == 1 && plan.phases[0].taps_w == 1;
}
Norms one_pixel_norms(const Kernels& kernels,
                      const Plan& plan,
                      const int16_t* src,
                      Scratch& scratch) {
  const PixelNorms pixel_norms = pixel_norms_of(kernels, plan);
  const Phase& phase = plan.phases[0];
  const int64_t rows = plan.n * count_from(phase.out_h, plan.dst_h, plan.out_step);
  const int64_t cols = count_from(phase.out_w, plan.dst_w, plan.out_step);
  const int64_t rows_of_image = rows / plan.n;
  const int64_t image_stride = plan.src_h * plan.src_w * plan.src_c;
  if (plan.src_w == cols && plan.src_h == rows_of_image) {  // all pixels, in rows of any length
    constexpr int64_t kRow = 1024;
    const int64_t pixels = plan.n * plan.src_h * plan.src_w;
    auto* norms = scratch.take<int64_t>(kRow);
    PixelBounds bounds{};
    for (int64_t i = 0; i < pixels; i += kRow) {
      const int64_t count = std::min(kRow, pixels - i);
      pixel_norms(src + i * plan.src_c, count, plan.src_c, plan.src_c, norms, &bounds);
    }
    return norms_of(bounds, {bounds.pixel, bounds.pixel});
  }
  auto* norms = scratch.take<int64_t>(static_cast<size_t>(cols));
  PixelBounds bounds{};
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = phase.src_h + i % rows_of_image * plan.src_step;
    const int16_t* from =
        src + i / rows_of_image * image_stride + (row * plan.src_w + phase.src_w) * plan.src_c;
    pixel_norms(from, cols, plan.src_c, plan.src_step * plan.src_c, norms, &bounds);
  }
  return norms_of(bounds, {bounds.pixel, bounds.pixel});
}

// The largest squared norms of windows and of their parts, over all images.
Norms source_norms(const Kernels& kernels,
                   const Plan& plan,
                   const Pieces& pieces,
                   const int16_t* src,
                   Scratch& scratch) {
  if (one_pixel_windows(plan)) return one_pixel_norms(kernels, plan, src, scratch);
  const auto area = static_cast<size_t>(pieces.src_rows * pieces.src_cols);
  auto* norms = scratch.take<int64_t>(area);
  auto* row_sums = scratch.take<int64_t>(static_cast<size_t>(pieces.src_rows * plan.dst_w));
  const PixelNorms pixel_norms = pixel_norms_of(kernels, plan);
  const Columns columns = columns_of(plan, pieces);
  std::memset(norms, 0, area * sizeof *norms);
  PixelBounds pixels{};
  WindowBounds windows{};
  const auto measure_image = [&](const Piece& piece, int64_t image) {
    const auto inside = [&](int64_t t, int64_t row) {
      const int64_t from = ((image * plan.src_h + row) * plan.src_w + columns.begin) * plan.src_c;
      int64_t* to = norms + t * pieces.src_cols + columns.left;
      pixel_norms(src + from, columns.count, plan.src_c, plan.src_c, to, &pixels);
    };
    const auto outside = [&](int64_t t) {
      std::memset(
          norms + t * pieces.src_cols, 0, static_cast<size_t>(pieces.src_cols) * sizeof *norms);
    };
    for_source_rows(plan, piece, inside, outside);
    for (const Phase& phase : plan.phases) {
      const int64_t rows = count_from(phase.out_h, piece.dst_rows, plan.out_step);
      if (rows == 0) continue;
      const int64_t first =
          (phase.src_h - pieces.src_row) * pieces.src_cols + (phase.src_w - pieces.src_col);
      const WindowJob job{norms + first,
                          pieces.src_cols,
                          phase.taps_h,
                          phase.taps_w,
                          plan.src_step,
                          rows,
                          count_from(phase.out_w, plan.dst_w, plan.out_step),
                          row_sums};
      kernels.window_bounds(job, &windows);
    }
  };
  for_pieces(plan, pieces, [&](const Piece& piece) {
    for (int64_t i = 0; i < piece.images; ++i) measure_image(piece, piece.image + i);
  });
  return norms_of(pixels, windows);
}

void copy_padded(const Plan& plan,
                 const Pieces& pieces,
                 const Piece& piece,
                 const int16_t* src,
                 int16_t* padded) {
  const Columns columns = columns_of(plan, pieces);
  const auto zero = [](int16_t* to, int64_t count) {
    std::memset(to, 0, static_cast<size_t>(count) * sizeof *to);
  };
  const int64_t stride = pieces.src_cols * plan.src_c;
  const int64_t left = columns.left * plan.src_c;
  const int64_t middle = columns.count * plan.src_c;
  for (int64_t i = 0; i < piece.images; ++i) {
    int16_t* image = padded + i * pieces.src_rows * stride;
    const auto inside = [&](int64_t t, int64_t row) {
      const int64_t from =
          (((piece.image + i) * plan.src_h + row) * plan.src_w + columns.begin) * plan.src_c;
      int16_t* to = image + t * stride;
      zero(to, left);
      std::memcpy(to + left, src + from, static_cast<size_t>(middle) * sizeof *to);
      zero(to + left + middle, stride - left - middle);
    };
    for_source_rows(plan, piece, inside, [&](int64_t t) { zero(image + t * stride, stride); });
  }
}

// A phase's pixels in a full piece, from its beginning; a shorter piece takes the first of them.
struct PixelList {
  int64_t* src;
  int64_t* dst;
  int64_t rows, cols;  // of one image
};

PixelList list_pixels(const Plan& plan,
                      const Pieces& pieces,
                      const Phase& phase,
                      int64_t src_stride_h,
                      int64_t src_stride_n,
                      Scratch& scratch) {
  PixelList list{};
  list.rows = count_from(phase.out_h, pieces.rows, plan.out_step);
  list.cols = count_from(phase.out_w, plan.dst_w, plan.out_step);
  const auto count = static_cast<size_t>(pieces.images * list.rows * list.cols);
  list.src = scratch.take<int64_t>(count);
  list.dst = scratch.take<int64_t>(count);
  int64_t* src = list.src;
  int64_t* dst = list.dst;
  for (int64_t image = 0; image < pieces.images; ++image) {
    for (int64_t i = 0; i < list.rows; ++i) {
      const int64_t src_row = phase.src_h - pieces.src_row + i * plan.src_step;
      const int64_t dst_row = phase.out_h + i * plan.out_step;
      for (int64_t j = 0; j < list.cols; ++j) {
        const int64_t src_col = phase.src_w - pieces.src_col + j * plan.src_step;
        const int64_t dst_col = phase.out_w + j * plan.out_step;
        *src++ = image * src_stride_n + src_row * src_stride_h + src_col * plan.src_c;
        *dst++ = ((image * plan.dst_h + dst_row) * plan.dst_w + dst_col) * plan.dst_c;
      }
    }
  }
  return list;
}

// A phase with what it runs over.
struct PhaseWork {
  PixelList pixels;
  MultiplyJob job;
};

}  // namespace

int correlation_shift(const Kernels& kernels,
                      const Plan& plan,
                      const int16_t* src,
                      const Norms& w,
                      Scratch& scratch) {
  scratch.reset();
  if (plan.phases.empty()) return 0;
  return bound_shift(w.full, source_norms(kernels, plan, cut_pieces(plan), src, scratch).full);
}

int correlate(const Kernels& kernels,
              const Plan& plan,
              const int16_t* src,
              const int16_t* packed,
              const Norms& w,
              int16_t* dst,
              Scratch& scratch,
              int least_shift,
              const Written& written) {
  GINN_CHECK(!written || plan.out_step == 1);
  scratch.reset();
  if (!plan.dense) {
    std::memset(
        dst, 0, static_cast<size_t>(plan.n * plan.dst_h * plan.dst_w * plan.dst_c) * sizeof *dst);
  }
  if (plan.phases.empty()) return least_shift;
  const Pieces pieces = cut_pieces(plan);
  const Norms x = source_norms(kernels, plan, pieces, src, scratch);
  const int shift = std::max(bound_shift(w.full, x.full), least_shift);

  const int64_t src_row_stride = (pieces.direct ? plan.src_w : pieces.src_cols) * plan.src_c;
  const int64_t src_image_stride = (pieces.direct ? plan.src_h : pieces.src_rows) * src_row_stride;
  const int64_t digit_stride = pieces.images * src_image_stride;
  int16_t* padded = pieces.direct
                        ? nullptr
                        : scratch.take<int16_t>(static_cast<size_t>(plan.digits() * digit_stride));
  auto* works = scratch.take<PhaseWork>(plan.phases.size());
  for (size_t i = 0; i < plan.phases.size(); ++i) {
    const Phase& phase = plan.phases[i];
    PhaseWork work{};
    work.pixels = list_pixels(plan, pieces, phase, src_row_stride, src_image_stride, scratch);
    const Cut cut = cut_for(plan, phase, x, w, shift);
    const int64_t runs = run_count(plan, phase, cut);
    auto* list = scratch.take<Run>(static_cast<size_t>(runs));
    make_runs(plan, phase, cut, {src_row_stride, digit_stride}, list);
    work.job.a_offset = work.pixels.src;
    work.job.y_offset = work.pixels.dst;
    work.job.b = packed + phase.packed;
    work.job.columns = plan.dst_c;
    work.job.steps = phase.steps;
    work.job.runs = list;
    work.job.run_count = runs;
    work.job.shift = shift;
    work.job.wide = cut.wide ? 1 : 0;
    works[i] = work;
  }
  for_pieces(plan, pieces, [&](const Piece& piece) {
    const int16_t* a = padded;
    if (pieces.direct) {
      a = src + piece.image * src_image_stride + piece.src_row * src_row_stride +
          pieces.src_col * plan.src_c;
    } else {
      copy_padded(plan, pieces, piece, src, padded);
      if (plan.digits() > 1) split_digits(padded, digit_stride, padded + digit_stride);
    }
    for (size_t i = 0; i < plan.phases.size(); ++i) {
      MultiplyJob job = works[i].job;
      const int64_t rows = count_from(plan.phases[i].out_h, piece.dst_rows, plan.out_step);
      job.a = a;
      job.y = dst + (piece.image * plan.dst_h + piece.dst_row) * plan.dst_w * plan.dst_c;
      job.pixels = piece.images * rows * works[i].pixels.cols;
      kernels.multiply(job);
    }
    if (written) {
      const int64_t row = plan.dst_w * plan.dst_c;
      written(static_cast<size_t>((piece.image * plan.dst_h + piece.dst_row) * row),
              static_cast<size_t>(piece.images * piece.dst_rows * row));
    }
  });
  return shift;
}

}  // namespace ginn::device::cpu
