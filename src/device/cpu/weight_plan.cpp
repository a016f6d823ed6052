#include "device/cpu/weight_plan.h"

#include "device/cpu/plan.h"

namespace ginn::device::cpu {

namespace {

constexpr int64_t kChunkSteps = 512;        // amortises the tile's sums, which go to memory
constexpr int64_t kChunkBytes = 128 << 10;  // of packed x: within L2
constexpr int64_t kMostChannels = 64;       // of a block
constexpr int64_t kLeastChannels = 16;

// Chunks for blocks of g.block channels; returns a chunk's steps.
int64_t cut_chunks(WeightPlan& g) {
  const int64_t row_bytes = g.src_cols * g.block * 4;
  const int64_t by_bytes =
      std::max<int64_t>(1, (kChunkBytes / row_bytes - g.kernel_h) / g.stride + 1);
  const int64_t by_steps = ceil_div(kChunkSteps, g.out_w);
  const int64_t most = std::min({g.out_h, by_bytes, by_steps});
  g.rows = ceil_div(g.out_h, ceil_div(g.out_h, most));
  g.src_rows = g.packed_rows(g.rows);
  g.pairs = 1;
  if (g.rows < g.out_h) return g.rows * g.out_w;
  const int64_t all = ceil_div(g.images, 2);
  const int64_t by_pair_bytes = kChunkBytes / (g.src_rows * row_bytes);
  const int64_t by_pair_steps = ceil_div(kChunkSteps, g.rows * g.out_w);
  const int64_t pairs = std::clamp<int64_t>(std::min(by_pair_bytes, by_pair_steps), 1, all);
  g.pairs = ceil_div(all, ceil_div(all, pairs));
  return g.pairs * g.rows * g.out_w;
}

void cut_blocks(WeightPlan& g) {
  g.src_cols = 0;
  for (int64_t f = 0; f < g.phases(); ++f) g.src_cols += g.phase_columns(f);
  const int64_t wanted = std::min(kChunkSteps, ceil_div(g.images, 2) * g.out_h * g.out_w);
  g.block = std::min(g.c, kMostChannels);
  while (cut_chunks(g) < wanted && g.block > kLeastChannels) {
    g.block = std::max(kLeastChannels, g.block / 2);
  }
}

}  // namespace

WeightPlan weight_plan(const ConvShape& s) {
  WeightPlan g{};
  g.operands = s.operands;
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
  cut_blocks(g);
  return g;
}

}  // namespace ginn::device::cpu
