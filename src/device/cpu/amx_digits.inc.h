// Operands as tiles of digits: included before amx_tiles.inc.h, inside the namespace of the level
// or of a test. Plain loops and builtins only (see kernels.h).
//
// q = 128 h + l with l in [-64, 63]; |q| <= 8191 gives h in [-64, 64]. h + l is in [-127, 127]:
// h = 64 has l < 0, and h = -64 has l > 0. So h, l and h + l fit int8, and
//   q q' = 16384 h h' + 128 ((h + l)(h' + l') - h h' - l l') + l l'.

inline constexpr int kHigh = 0;
inline constexpr int kLow = 1;
inline constexpr int kBoth = 2;  // h + l
inline constexpr int kDigits = 3;

inline constexpr int kTileRows = 16;   // rows of a tile of a; columns of b
inline constexpr int kTileSteps = 32;  // 64 int8 of every row

// What a tile register holds, for each of the digits: 16 lines of 64 bytes. A line holds two
// vectors of 32 int16, byte by byte in turn. In a tile of a, a line is a row: its steps 0..15 and
// 16..31. In a tile of b, line g is steps g and g + 16 of 16 columns. So both tiles have their
// elements in the order of steps 0, 16, 1, 17, ...
struct alignas(64) Plane {
  uint16_t pair[kTileRows][32];
};
struct Digits {
  Plane plane[kDigits];
};

GINN_INLINE uint16_t bytes_of(int first, int second) {
  return static_cast<uint16_t>((first & 0xff) | (second << 8));
}

// Writes a line of all three planes from the vectors x and y.
GINN_INLINE void split(const int16_t* x, const int16_t* y, Digits& digits, int line) {
  uint16_t* __restrict high = digits.plane[kHigh].pair[line];
  uint16_t* __restrict low = digits.plane[kLow].pair[line];
  uint16_t* __restrict both = digits.plane[kBoth].pair[line];
  for (int i = 0; i < 32; ++i) {
    const auto u = static_cast<int16_t>(x[i] + 64);
    const auto v = static_cast<int16_t>(y[i] + 64);
    const auto u_high = static_cast<int16_t>(u >> 7);  // a floor
    const auto v_high = static_cast<int16_t>(v >> 7);
    const auto u_low = static_cast<int16_t>((u & 127) - 64);
    const auto v_low = static_cast<int16_t>((v & 127) - 64);
    high[i] = bytes_of(u_high, v_high);
    low[i] = bytes_of(u_low, v_low);
    both[i] = bytes_of(u_high + u_low, v_high + v_low);
  }
}

// A place in a job's runs. What lies behind it in one stretch may be several runs: their flushes
// are not needed here (amx_tiles.inc.h).
struct Cursor {
  const Run* next;
  const Run* end;
  int64_t step;        // elements from step to step
  int64_t offset = 0;  // of the stretch, in elements
  int64_t left = 0;    // its steps

  // Some steps must be left.
  GINN_INLINE void find_stretch() {
    if (left != 0) return;
    offset = next->a_offset;
    do {
      left += next->steps;
      ++next;
    } while (next != end && next->a_offset == offset + left * step);
  }
  GINN_INLINE void advance(int64_t steps) {
    offset += steps * step;
    left -= steps;
  }
  GINN_INLINE void skip(int64_t steps) {
    while (steps > 0) {
      find_stretch();
      const int64_t count = left < steps ? left : steps;
      advance(count);
      steps -= count;
    }
  }
};

// Up to kTileRows rows of a.
struct Rows {
  const int16_t* a;
  const int64_t* offset;
  int count;
  bool adjacent;  // kTileRows of them, a pair apart
};

GINN_INLINE Rows rows_at(const int16_t* a, const int64_t* offset, int64_t count) {
  Rows rows{a, offset, static_cast<int>(count < kTileRows ? count : kTileRows), true};
  for (int i = 1; i < rows.count; ++i) {
    if (offset[i] != offset[0] + 2 * i) rows.adjacent = false;
  }
  if (rows.count < kTileRows) rows.adjacent = false;
  return rows;
}

struct alignas(64) Lines {
  int16_t q[kTileRows][2 * kTileSteps];
};

typedef uint32_t Sixteen __attribute__((vector_size(64)));
template <int... kLane>
struct Lanes {};
typedef Lanes<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15> AllLanes;

// The two blocks off the diagonal change places, in every 2 x 2 blocks of kBlock x kBlock lanes.
template <int kBlock, int... kLane>
GINN_INLINE void exchange(Sixteen* lines, Lanes<kLane...>) {
  for (int i = 0; i < 16; ++i) {
    if ((i & kBlock) != 0) continue;
    const Sixteen a = lines[i];
    const Sixteen b = lines[i + kBlock];
    lines[i] =
        __builtin_shufflevector(a, b, (kLane & kBlock) == 0 ? kLane : 16 + kLane - kBlock...);
    lines[i + kBlock] =
        __builtin_shufflevector(a, b, (kLane & kBlock) == 0 ? kLane + kBlock : 16 + kLane...);
  }
}

// Pair first + j of line i is pair i of the 16 at from + j step.
GINN_INLINE void transpose(const int16_t* from, int64_t step, int first, Lines& to) {
  Sixteen lines[16];
  for (int i = 0; i < 16; ++i) __builtin_memcpy(&lines[i], from + i * step, sizeof lines[i]);
  exchange<8>(lines, AllLanes{});
  exchange<4>(lines, AllLanes{});
  exchange<2>(lines, AllLanes{});
  exchange<1>(lines, AllLanes{});
  for (int i = 0; i < 16; ++i) __builtin_memcpy(to.q[i] + 2 * first, &lines[i], sizeof lines[i]);
}

// Steps [first, first + count) of every row's line.
GINN_INLINE void copy_steps(
    const Rows& rows, const Cursor& at, int64_t first, int64_t count, Lines& to) {
  const auto bytes = static_cast<unsigned long>(count) * 4;
  for (int i = 0; i < rows.count; ++i) {
    const int16_t* from = rows.a + rows.offset[i] + at.offset;
    int16_t* line = to.q[i] + 2 * first;
    if (at.step == 2) {
      __builtin_memcpy(line, from, bytes);
    } else {
      for (int64_t s = 0; s < count; ++s) __builtin_memcpy(line + 2 * s, from + s * at.step, 4);
    }
  }
}

// One tile of a: `steps` <= kTileSteps from the cursor on, which moves behind them. Rows and steps
// that do not exist are zeros.
GINN_INLINE void split_rows(const Rows& rows, Cursor& at, int64_t steps, Digits& digits) {
  at.find_stretch();
  const bool whole = steps == kTileSteps && at.left >= kTileSteps;
  if (whole && at.step == 2 && rows.count == kTileRows) {
    for (int i = 0; i < kTileRows; ++i) {
      const int16_t* x = rows.a + rows.offset[i] + at.offset;
      split(x, x + 32, digits, i);
    }
    at.advance(kTileSteps);
    return;
  }
  Lines lines;
  if (whole && rows.adjacent) {
    const int16_t* from = rows.a + rows.offset[0] + at.offset;
    transpose(from, at.step, 0, lines);
    transpose(from + 16 * at.step, at.step, 16, lines);
    at.advance(kTileSteps);
  } else {
    if (steps < kTileSteps || rows.count < kTileRows) __builtin_memset(&lines, 0, sizeof lines);
    int64_t done = 0;
    while (done < steps) {
      at.find_stretch();
      const int64_t count = at.left < steps - done ? at.left : steps - done;
      copy_steps(rows, at, done, count, lines);
      at.advance(count);
      done += count;
    }
  }
  for (int i = 0; i < kTileRows; ++i) split(lines.q[i], lines.q[i] + 32, digits, i);
}

// One tile of b: `steps` <= kTileSteps of a vector of columns, `stride` elements from step to step.
GINN_INLINE void split_columns(const int16_t* b, int64_t stride, int64_t steps, Digits& digits) {
  alignas(64) static constexpr int16_t kZeros[32] = {};
  for (int g = 0; g < 16; ++g) {
    split(g < steps ? b + g * stride : kZeros,
          g + 16 < steps ? b + (g + 16) * stride : kZeros,
          digits,
          g);
  }
}
