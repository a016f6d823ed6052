// The contraction's tile, over a policy of vectors: included inside the namespace of a level, or of
// a test with emulated vectors. Intrinsics and builtins only (see kernels.h).
//
// A tile is kRows rows (windows of pixels; in wgrad, weight positions) by kVectors vectors of
// columns, all its sums in registers. Each step adds a product of two int16 pairs to every sum:
// the pair of a row is broadcast, the pairs of the columns lie packed in b.

// Calls body(Index<0>), ..., body(Index<kCount - 1>): a tile's registers have names only where the
// indices are constants before the optimiser looks.
template <int kIndex>
struct Index {
  static constexpr int kValue = kIndex;
};
template <int kCount, int kFirst = 0, typename Body>
GINN_INLINE void unrolled(const Body& body) {
  if constexpr (kFirst < kCount) {
    body(Index<kFirst>{});
    unrolled<kCount, kFirst + 1>(body);
  }
}

template <typename V, int kRows, int kVectors>
struct Tile {
  typedef typename V::Vec Vec;
  Vec sum[kRows][kVectors];
  const int16_t* row[kRows];

  GINN_INLINE void clear() {
    unrolled<kRows * kVectors>([&](auto i) GINN_INLINE_LAMBDA {
      sum[i.kValue / kVectors][i.kValue % kVectors] = V::zero();
    });
  }
  GINN_INLINE void set_rows(const int16_t* a, const int64_t* offset) {
    unrolled<kRows>([&](auto i) GINN_INLINE_LAMBDA {
      const int16_t* p = a + offset[i.kValue];
      asm("" : "+r"(p));  // a register each, computed one by one
      row[i.kValue] = p;
    });
  }
  GINN_INLINE const int16_t* at(int i, int64_t bytes) const {
    return reinterpret_cast<const int16_t*>(reinterpret_cast<const char*>(row[i]) + bytes);
  }
  // int32 may wrap on the way: only what stands there at a flush or at the end must fit.
  GINN_INLINE const int16_t* sweep(int64_t offset,
                                   int64_t a_step,
                                   int32_t steps,
                                   const int16_t* b) {
    offset *= 2;  // bytes
    a_step *= 2;
    do {
      const Vec first = V::load(b);
      const Vec second = V::load(b + 2 * V::kLanes * (kVectors - 1));
      unrolled<kRows>([&](auto i) GINN_INLINE_LAMBDA {
        constexpr int kRow = i.kValue;
        if constexpr (kVectors == 2) {
          V::dot(sum[kRow][0], sum[kRow][1], at(kRow, offset), first, second);
        } else {
          sum[kRow][0] = V::dot(sum[kRow][0], at(kRow, offset), first);
        }
      });
      offset += a_step;
      asm("" : "+r"(offset));  // one register moves, not a pointer a row
      b += 2 * V::kLanes * kVectors;
    } while (--steps != 0);
    return b;
  }
  // sums is [kRows, stride].
  GINN_INLINE void flush(int64_t* sums, int64_t stride, int shift, bool set = false) {
    unrolled<kRows * kVectors>([&](auto index) GINN_INLINE_LAMBDA {
      constexpr int i = index.kValue / kVectors;
      constexpr int j = index.kValue % kVectors;
      if (set) {
        V::set_wide(sums + i * stride + j * V::kLanes, sum[i][j], shift);
      } else {
        V::add_wide(sums + i * stride + j * V::kLanes, sum[i][j], shift);
      }
      sum[i][j] = V::zero();
    });
  }
};

// The tile in int32, all of its columns wanted: the common case, in registers from end to end.
template <typename V, int kRows, int kVectors>
void multiply_tile(const MultiplyJob& job, const int16_t* b, int64_t pixel, int64_t column) {
  Tile<V, kRows, kVectors> tile;
  tile.clear();
  tile.set_rows(job.a, job.a_offset + pixel);
  // Written as a loop that may run no times: as do-while, GCC 12 keeps the sums in memory.
  for (int64_t r = 0; r < job.run_count; ++r) {
    const Run run = job.runs[r];
    b = tile.sweep(run.a_offset, 2, run.steps, b);
  }
  const typename V::Rounding rounding = V::rounding(job.shift);
  int16_t* y = job.y + column;
  const int64_t* y_offset = job.y_offset + pixel;
  unrolled<kRows * kVectors>([&](auto index) GINN_INLINE_LAMBDA {
    constexpr int i = index.kValue / kVectors;
    constexpr int j = index.kValue % kVectors;
    V::store(V::round(tile.sum[i][j], rounding), y + y_offset[i] + j * V::kLanes);
  });
}

// With flushes into int64, or `count` columns that are no whole tile.
template <typename V, int kRows, int kVectors>
__attribute__((noinline)) void multiply_tile_general(
    const MultiplyJob& job, const int16_t* b, int64_t pixel, int64_t column, int64_t count) {
  constexpr int kWidth = kVectors * V::kLanes;
  alignas(64) int64_t sums[kRows * kWidth] = {};
  alignas(64) int16_t lines[kRows * kWidth];
  const int16_t* const first = b;
  Tile<V, kRows, kVectors> tile;
  tile.clear();
  tile.set_rows(job.a, job.a_offset + pixel);
  for (int64_t r = 0; r < job.run_count; ++r) {
    const Run run = job.runs[r];
    b = tile.sweep(run.a_offset, 2, run.steps, run.again != 0 ? first : b);
    if (run.flush != 0) tile.flush(sums, kWidth, run.shift);
  }
  const typename V::Rounding rounding = V::rounding(job.shift);
  unrolled<kRows * kVectors>([&](auto index) GINN_INLINE_LAMBDA {
    constexpr int i = index.kValue / kVectors;
    constexpr int j = index.kValue % kVectors;
    constexpr int kAt = index.kValue * V::kLanes;
    if (job.wide != 0) {
      V::store_wide(sums + kAt, job.shift, lines + kAt);
    } else {
      V::store(V::round(tile.sum[i][j], rounding), lines + kAt);
    }
  });
  const auto bytes = static_cast<unsigned long>(count < kWidth ? count : kWidth) * sizeof *lines;
  for (int i = 0; i < kRows; ++i) {
    __builtin_memcpy(job.y + job.y_offset[pixel + i] + column, lines + i * kWidth, bytes);
  }
}

template <typename V, int kRows, int kVectors>
void accumulate_tile(const AccumulateJob& job, const int16_t* b, int64_t row, int64_t column) {
  Tile<V, kRows, kVectors> tile;
  tile.clear();
  tile.set_rows(job.a, job.a_offset + row);
  int64_t* sums = job.sums + row * job.sums_stride + column;
  const Run* run = job.runs;
  const Run* const end = run + job.run_count;
  const int16_t* const first = b;
  bool set = job.set != 0;
  do {
    b = tile.sweep(run->a_offset, job.a_step, run->steps, run->again != 0 ? first : b);
    if (run->flush != 0) {
      tile.flush(sums, job.sums_stride, run->shift, set);
      set = false;
    }
  } while (++run != end);
}

// Calls body.run<rows>(first) for tiles that cover [0, count): as few as possible, all
// within one row of the same height, so that no tail is much slower than the rest.
template <int kMax, int kRows, typename Body>
GINN_INLINE void call_rows(int64_t rows, int64_t first, const Body& body) {
  if constexpr (kRows == kMax) {
    body.template run<kRows>(first);
  } else {
    if (rows == kRows) {
      body.template run<kRows>(first);
    } else {
      call_rows<kMax, kRows + 1>(rows, first, body);
    }
  }
}
template <int kMax, typename Body>
GINN_INLINE void for_tiles(int64_t count, const Body& body) {
  const int64_t tiles = (count + kMax - 1) / kMax;
  if (tiles == 0) return;
  const int64_t base = count / tiles;
  const int64_t longer = count % tiles;
  int64_t first = 0;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t rows = base + (t < longer ? 1 : 0);
    call_rows<kMax, 1>(rows, first, body);
    first += rows;
  }
}

template <typename V, int kVectors>
struct MultiplyBody {
  const MultiplyJob& job;
  const int16_t* b;
  int64_t column, count;
  template <int kRows>
  GINN_INLINE void run(int64_t first) const {
    if (job.wide != 0 || count < kVectors * V::kLanes) {
      multiply_tile_general<V, kRows, kVectors>(job, b, first, column, count);
    } else {
      multiply_tile<V, kRows, kVectors>(job, b, first, column);
    }
  }
};
template <typename V, int kVectors>
struct AccumulateBody {
  const AccumulateJob& job;
  const int16_t* b;
  int64_t column;
  template <int kRows>
  GINN_INLINE void run(int64_t first) const {
    accumulate_tile<V, kRows, kVectors>(job, b, first, column);
  }
};

inline constexpr int kRowsOfTwo = 6;  // 12 sums, 2 columns, 1 pair, 1 product: 16 registers

template <typename V>
void multiply(const MultiplyJob& job) {
  const int16_t* b = job.b;
  for (int64_t column = 0; column < job.columns; column += 2 * V::kLanes) {
    const int64_t count = job.columns - column;
    if (count > V::kLanes) {
      for_tiles<kRowsOfTwo>(job.pixels, MultiplyBody<V, 2>{job, b, column, count});
    } else {
      for_tiles<V::kRowsOfOne>(job.pixels, MultiplyBody<V, 1>{job, b, column, count});
    }
    b += 4 * V::kLanes * job.steps;
  }
}

template <typename V>
void accumulate(const AccumulateJob& job) {
  const int16_t* b = job.b;
  for (int64_t column = 0; column < job.columns; column += 2 * V::kLanes) {
    if (job.columns - column > V::kLanes) {
      for_tiles<kRowsOfTwo>(job.rows, AccumulateBody<V, 2>{job, b, column});
    } else {
      for_tiles<V::kRowsOfOne>(job.rows, AccumulateBody<V, 1>{job, b, column});
    }
    b += 4 * V::kLanes * job.steps;
  }
}
