// The contraction over tiles of int8 digits: included behind amx_digits.inc.h. `Machine` is the
// tile registers, for the length of its life: eight of 16 lines of 64 bytes, and
//   zero<T>(), load<T>(lines), store<T>(lines), and
//   dot<S, A, B>(): the int32 [16][16] in S += the int8 [16][64] in A times the [64][16] in B, of
//   which line g holds elements 4 g .. 4 g + 3 of every column.
//
// A block is 16 rows by two vectors of columns, as b's blocks are, or by one. Its sums of the three
// products of digits take six registers; two are left for a and b. Working memory holds a panel of
// the steps: the digits of 16 rows, used for all columns of a group, and those of a group's
// columns, used for all rows. After a panel the sums of digits are recombined and added to the
// rows' sums, which are exact, whatever the runs: a flush asks for nothing.

inline constexpr int kPanelTiles = 8;
inline constexpr int64_t kPanelSteps = kPanelTiles * kTileSteps;
inline constexpr int kVectorLanes = 16;
inline constexpr int kGroupVectors = 4;
inline constexpr int64_t kGroupColumns = kGroupVectors * kVectorLanes;
inline constexpr int64_t kGroupRows = 8 * kTileRows;

// Of a panel: |sum of h h'|, |sum of l l'| <= 4096 n, |sum of (h + l)(h' + l')| <= 127^2 n, and
// |128 sum of (h l' + l h') + sum of l l'| <= (128 x 8192 + 4096) n, with n = 2 kPanelSteps.
static_assert(2 * kPanelSteps * 127 * 127 < int64_t{1} << 31);
static_assert(2 * kPanelSteps * (128 * 8192 + 4096) < int64_t{1} << 31);

struct Workspace {
  Digits a[kPanelTiles];
  Digits b[kGroupVectors][kPanelTiles];
  alignas(64) int32_t product[2][kDigits][kTileRows * kVectorLanes];  // of a block
};

// A group's columns within a panel.
struct Panel {
  int64_t column;  // the group's first
  int vectors;
  int64_t first, steps;
  int tiles() const { return static_cast<int>((steps + kTileSteps - 1) / kTileSteps); }
  int64_t steps_of(int tile) const {
    const int64_t left = steps - tile * kTileSteps;
    return left < kTileSteps ? left : kTileSteps;
  }
};

GINN_INLINE Panel panel_at(int64_t columns, int64_t column, int64_t all_steps, int64_t first) {
  const int64_t vectors = (columns - column + kVectorLanes - 1) / kVectorLanes;
  const int64_t steps = all_steps - first;
  return {column,
          static_cast<int>(vectors < kGroupVectors ? vectors : kGroupVectors),
          first,
          steps < kPanelSteps ? steps : kPanelSteps};
}

// `steps` is of all of b, whose blocks are 2 vectors wide but for a last one of 1.
__attribute__((noinline)) inline void split_panel_columns(const int16_t* b,
                                                          int64_t steps,
                                                          const Panel& panel,
                                                          Workspace& work) {
  for (int v = 0; v < panel.vectors; ++v) {
    const int in_block = v % 2;
    const int width = v - in_block + 1 < panel.vectors ? 2 * kVectorLanes : kVectorLanes;
    const int64_t block = panel.column + (v - in_block) * kVectorLanes;
    const int16_t* first = b + 2 * (block * steps + panel.first * width + in_block * kVectorLanes);
    for (int t = 0; t < panel.tiles(); ++t) {
      const int16_t* from = first + int64_t{2} * width * kTileSteps * t;
      split_columns(from, 2 * width, panel.steps_of(t), work.b[v][t]);
    }
  }
}

__attribute__((noinline)) inline void split_panel_rows(const Rows& rows,
                                                       Cursor at,
                                                       const Panel& panel,
                                                       Workspace& work) {
  for (int t = 0; t < panel.tiles(); ++t) split_rows(rows, at, panel.steps_of(t), work.a[t]);
}

template <int kPlane, int kVectors, typename Machine>
GINN_INLINE void dot_digits(Machine& machine, const Workspace& work, int vector, int tile) {
  machine.template load<6>(&work.a[tile].plane[kPlane]);
  machine.template load<7>(&work.b[vector][tile].plane[kPlane]);
  machine.template dot<kPlane, 6, 7>();
  if constexpr (kVectors == 2) {
    machine.template load<7>(&work.b[vector + 1][tile].plane[kPlane]);
    machine.template dot<kDigits + kPlane, 6, 7>();
  }
}

template <int kPlane, int kVectors, typename Machine>
GINN_INLINE void clear_digits(Machine& machine) {
  machine.template zero<kPlane>();
  if constexpr (kVectors == 2) machine.template zero<kDigits + kPlane>();
}
template <int kPlane, int kVectors, typename Machine>
GINN_INLINE void store_digits(Machine& machine, Workspace& work) {
  machine.template store<kPlane>(work.product[0][kPlane]);
  if constexpr (kVectors == 2) {
    machine.template store<kDigits + kPlane>(work.product[1][kPlane]);
  }
}

template <int kVectors, typename Machine>
GINN_INLINE void multiply_digits(Machine& machine, int vector, int tiles, Workspace& work) {
  clear_digits<kHigh, kVectors>(machine);
  clear_digits<kLow, kVectors>(machine);
  clear_digits<kBoth, kVectors>(machine);
  for (int t = 0; t < tiles; ++t) {
    dot_digits<kHigh, kVectors>(machine, work, vector, t);
    dot_digits<kLow, kVectors>(machine, work, vector, t);
    dot_digits<kBoth, kVectors>(machine, work, vector, t);
  }
  store_digits<kHigh, kVectors>(machine, work);
  store_digits<kLow, kVectors>(machine, work);
  store_digits<kBoth, kVectors>(machine, work);
}

// sum + 16384 high + low. In int32 what does not fit wraps: the whole sum fits where it is taken.
GINN_INLINE int32_t recombined(int32_t sum, int32_t high, int32_t low) {
  return static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(high) * 16384u +
                              static_cast<uint32_t>(low));
}
GINN_INLINE int64_t recombined(int64_t sum, int32_t high, int32_t low) {
  return sum + int64_t{high} * 16384 + low;
}

// sums[row, lane] = (set) or += the block's, for the `rows` rows of one vector.
template <typename Sum>
GINN_INLINE void add_products(
    const int32_t* product, int rows, bool set, Sum* sums, int64_t stride) {
  constexpr int kPlaneSums = kTileRows * kVectorLanes;
  for (int i = 0; i < rows; ++i, product += kVectorLanes, sums += stride) {
    for (int j = 0; j < kVectorLanes; ++j) {
      const int32_t high = product[kHigh * kPlaneSums + j];
      const int32_t low = product[kLow * kPlaneSums + j];
      const int32_t crossed = product[kBoth * kPlaneSums + j] - high - low;  // h l' + l h'
      sums[j] = recombined(set ? Sum{0} : sums[j], high, 128 * crossed + low);
    }
  }
}

// The panel's steps of `count` rows, whose first step in the panel is at the cursor, times the
// columns split before.
template <typename Machine, typename Sum>
__attribute__((noinline)) void add_panel(Machine& machine,
                                         const int16_t* a,
                                         const int64_t* a_offset,
                                         int64_t count,
                                         const Cursor& at,
                                         const Panel& panel,
                                         bool set,
                                         Sum* sums,
                                         int64_t stride,
                                         Workspace& work) {
  for (int64_t first = 0; first < count; first += kTileRows) {
    const Rows rows = rows_at(a, a_offset + first, count - first);
    split_panel_rows(rows, at, panel, work);
    for (int v = 0; v < panel.vectors; v += 2) {
      Sum* to = sums + first * stride + v * kVectorLanes;
      if (v + 1 < panel.vectors) {
        multiply_digits<2>(machine, v, panel.tiles(), work);
        add_products(work.product[1][0], rows.count, set, to + kVectorLanes, stride);
      } else {
        multiply_digits<1>(machine, v, panel.tiles(), work);
      }
      add_products(work.product[0][0], rows.count, set, to, stride);
    }
  }
}

// int32: |c| plus half of 2^shift fits. int64: |c| < 2^46 and shift <= 31. An arithmetic shift is a
// floor.
template <typename Sum>
__attribute__((noinline)) void round_rows(
    const MultiplyJob& job, int64_t pixel, int64_t count, int64_t column, const Sum* sums) {
  const Sum one = job.shift == 0 ? 0 : 1;
  const Sum bias = job.shift == 0 ? 0 : (Sum{1} << (job.shift - 1)) - 1;
  const int64_t left = job.columns - column;
  const int64_t columns = left < kGroupColumns ? left : kGroupColumns;
  for (int64_t i = 0; i < count; ++i, sums += kGroupColumns) {
    int16_t* y = job.y + job.y_offset[pixel + i] + column;
    for (int64_t j = 0; j < columns; ++j) {
      const Sum odd = (sums[j] >> job.shift) & one;
      y[j] = static_cast<int16_t>((sums[j] + bias + odd) >> job.shift);
    }
  }
}

template <typename Machine, typename Sum>
__attribute__((noinline)) void multiply_as(const MultiplyJob& job) {
  alignas(64) Sum sums[kGroupRows * kGroupColumns];
  Workspace work;
  Machine machine;
  for (int64_t column = 0; column < job.columns; column += kGroupColumns) {
    for (int64_t pixel = 0; pixel < job.pixels; pixel += kGroupRows) {
      const int64_t left = job.pixels - pixel;
      const int64_t count = left < kGroupRows ? left : kGroupRows;
      Cursor at{job.runs, job.runs + job.run_count, 2};
      for (int64_t step = 0; step < job.steps; step += kPanelSteps) {
        const Panel panel = panel_at(job.columns, column, job.steps, step);
        // A panel of all the steps serves all rows.
        if (pixel == 0 || job.steps > kPanelSteps) {
          split_panel_columns(job.b, job.steps, panel, work);
        }
        const int64_t* offset = job.a_offset + pixel;
        add_panel(machine, job.a, offset, count, at, panel, step == 0, sums, kGroupColumns, work);
        at.skip(panel.steps);
      }
      round_rows(job, pixel, count, column, sums);
    }
  }
}

template <typename Machine>
void multiply_by_digits(const MultiplyJob& job) {
  if (job.wide != 0) {
    multiply_as<Machine, int64_t>(job);
  } else {
    multiply_as<Machine, int32_t>(job);
  }
}

template <typename Machine>
void accumulate_by_digits(const AccumulateJob& job) {
  Workspace work;
  Machine machine;
  for (int64_t column = 0; column < job.columns; column += kGroupColumns) {
    Cursor at{job.runs, job.runs + job.run_count, job.a_step};
    for (int64_t step = 0; step < job.steps; step += kPanelSteps) {
      const Panel panel = panel_at(job.columns, column, job.steps, step);
      split_panel_columns(job.b, job.steps, panel, work);
      const bool set = job.set != 0 && step == 0;
      int64_t* sums = job.sums + column;
      add_panel(
          machine, job.a, job.a_offset, job.rows, at, panel, set, sums, job.sums_stride, work);
      at.skip(panel.steps);
    }
  }
}
