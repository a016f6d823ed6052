#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "device/convolution.h"
#include "device/cpu/dispatch.h"
#include "device/cpu/emulated.h"
#include "device/cpu/plan.h"

namespace ginn::device::cpu {
namespace {

constexpr int64_t kLanes = 16;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  int64_t in(int64_t first, int64_t last) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return first + static_cast<int64_t>((state_ >> 33) % static_cast<uint64_t>(last - first + 1));
  }
  int16_t operand() { return static_cast<int16_t>(in(-8191, 8191)); }

 private:
  uint64_t state_;
};

// Where column `c` of step `s` lies in b.
size_t place_in_b(int64_t columns, int64_t steps, int64_t s, int64_t c) {
  const int64_t padded = padded_columns(columns, kLanes);
  const int64_t block = c / (2 * kLanes) * (2 * kLanes);
  const int64_t width = std::min(padded - block, 2 * kLanes);
  return static_cast<size_t>(2 * (block * steps + s * width + c - block));
}

// A job's operands and its exact sums. Runs have lengths around a tile's and a panel's; some carry
// on where the one before ended. Nothing lies behind what a job may read.
struct Operands {
  Operands(int64_t row_count, int64_t column_count, int64_t step_count, int64_t distance, bool near)
      : rows(row_count), columns(column_count), steps(step_count), a_step(distance) {
    Random random(static_cast<uint64_t>(rows * 31 + columns * 7 + steps + distance));
    int64_t end = 0;
    for (int64_t left = steps; left > 0;) {
      const int64_t lengths[] = {1, 15, 16, 17, 31, 32, 33, 64, 100, 300};
      const int64_t count = std::min(left, lengths[random.in(0, 9)]);
      end += random.in(0, 1) * random.in(1, 9);
      runs.push_back({end, static_cast<int32_t>(count), left == count ? 1 : 0, 0, 0});
      end += count * a_step;
      left -= count;
    }
    for (int64_t i = 0; i < rows; ++i) a_offset.push_back(near ? 2 * i : random.in(0, 40));
    const Run& last = runs.back();
    const int64_t reach = *std::max_element(a_offset.begin(), a_offset.end()) + last.a_offset +
                          (last.steps - 1) * a_step + 2;
    a.resize(static_cast<size_t>(reach));
    for (int16_t& q : a) q = random.operand();
    b.resize(static_cast<size_t>(2 * steps * padded_columns(columns, kLanes)));
    for (int64_t s = 0; s < steps; ++s) {
      for (int64_t c = 0; c < columns; ++c) {
        b[place_in_b(columns, steps, s, c)] = random.operand();
        b[place_in_b(columns, steps, s, c) + 1] = random.operand();
      }
    }
  }

  int64_t sum(int64_t row, int64_t column) const {
    int64_t total = 0;
    int64_t step = 0;
    for (const Run& run : runs) {
      for (int64_t s = 0; s < run.steps; ++s, ++step) {
        const int16_t* p =
            a.data() + a_offset[static_cast<size_t>(row)] + run.a_offset + s * a_step;
        const int16_t* q = b.data() + place_in_b(columns, steps, step, column);
        total += int64_t{p[0]} * q[0] + int64_t{p[1]} * q[1];
      }
    }
    return total;
  }

  int64_t rows, columns, steps, a_step;
  std::vector<Run> runs;
  std::vector<int64_t> a_offset;
  std::vector<int16_t> a, b;
};

void check_multiply(const Kernels& kernels, const Operands& in, int32_t shift, bool wide) {
  const int64_t gap = in.columns + 3;
  std::vector<int64_t> y_offset;
  for (int64_t i = 0; i < in.rows; ++i) y_offset.push_back((in.rows - 1 - i) * gap);
  std::vector<int16_t> y(static_cast<size_t>(in.rows * gap), 77);
  MultiplyJob job{};
  job.a = in.a.data();
  job.a_offset = in.a_offset.data();
  job.y = y.data();
  job.y_offset = y_offset.data();
  job.pixels = in.rows;
  job.b = in.b.data();
  job.columns = in.columns;
  job.steps = in.steps;
  job.runs = in.runs.data();
  job.run_count = static_cast<int64_t>(in.runs.size());
  job.shift = shift;
  job.wide = wide ? 1 : 0;
  kernels.multiply(job);
  for (int64_t i = 0; i < in.rows; ++i) {
    const int16_t* row = y.data() + y_offset[static_cast<size_t>(i)];
    for (int64_t c = 0; c < in.columns; ++c) {
      ASSERT_EQ(row[c], shift_rne(in.sum(i, c), shift)) << i << ", " << c << " of " << in.steps;
    }
    for (int64_t c = in.columns; c < gap; ++c) ASSERT_EQ(row[c], 77) << "behind row " << i;
  }
}

void check_accumulate(const Kernels& kernels, const Operands& in, bool set) {
  const int64_t padded = padded_columns(in.columns, kLanes);
  const int64_t stride = padded + 1;
  const int64_t before = int64_t{5} << 40;
  std::vector<int64_t> sums(static_cast<size_t>(in.rows * stride), before);
  AccumulateJob job{};
  job.a = in.a.data();
  job.a_offset = in.a_offset.data();
  job.rows = in.rows;
  job.a_step = in.a_step;
  job.b = in.b.data();
  job.columns = in.columns;
  job.steps = in.steps;
  job.sums = sums.data();
  job.sums_stride = stride;
  job.runs = in.runs.data();
  job.run_count = static_cast<int64_t>(in.runs.size());
  job.set = set ? 1 : 0;
  kernels.accumulate(job);
  for (int64_t i = 0; i < in.rows; ++i) {
    const int64_t* row = sums.data() + i * stride;
    for (int64_t c = 0; c < in.columns; ++c) {
      ASSERT_EQ(row[c], in.sum(i, c) + (set ? 0 : before)) << i << ", " << c << " of " << in.steps;
    }
    ASSERT_EQ(row[padded], before) << "behind row " << i;
  }
}

// The kernels over emulated tiles, and those of the machine where it has them.
class Amx : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !level_supported(Level::kAmx)) GTEST_SKIP() << "SKIPPED: no amx";
  }
  const Kernels& kernels() const {
    return GetParam() ? kernels_of(Level::kAmx, OperandFormat::kDfp14, 64) : emulated::kTiles;
  }
};

// Around a tile's and a group's rows, a vector's, block's and group's columns.
constexpr int64_t kShapes[][2] = {{1, 1},
                                  {15, 16},
                                  {16, 17},
                                  {17, 32},
                                  {33, 33},
                                  {127, 2},
                                  {128, 48},
                                  {129, 63},
                                  {130, 65},
                                  {5, 81},
                                  {32, 64},
                                  {3, 129}};
constexpr int64_t kStepCounts[] = {1, 15, 16, 17, 31, 32, 33, 70, 255, 256, 257, 600};

TEST_P(Amx, MultipliesEveryTail) {
  size_t turn = 0;
  for (const auto& [rows, columns] : kShapes) {
    for (int i = 0; i < 4; ++i) {
      const int64_t steps = kStepCounts[turn++ % std::size(kStepCounts)];
      // 1200 x 8191^2 < 2^37, and a sum's 22 bits below are rounded away.
      check_multiply(kernels(), Operands(rows, columns, steps, 2, i % 2 == 0), 22, true);
      if (HasFailure()) return;
    }
    ++turn;
  }
}

TEST_P(Amx, AccumulatesEveryTail) {
  size_t turn = 0;
  for (const auto& [rows, columns] : kShapes) {
    for (int i = 0; i < 4; ++i) {
      const int64_t steps = kStepCounts[turn % std::size(kStepCounts)];
      const int64_t distances[] = {2, 6, 32, 66};
      const int64_t distance = distances[(turn + static_cast<size_t>(i)) % 4];
      ++turn;
      check_accumulate(kernels(), Operands(rows, columns, steps, distance, i % 2 == 0), i < 2);
      if (HasFailure()) return;
    }
    ++turn;
  }
}

// Sums that leave int32 on the way and come back to it.
TEST_P(Amx, Int32SumsMayWrapOnTheWay) {
  for (const int64_t steps : {64, 300, 1024}) {
    for (const int32_t shift : {0, 1, 7}) {
      Operands in(20, 40, steps, 2, true);
      for (size_t i = 0; i < in.a.size(); ++i) in.a[i] = 8191;
      for (int64_t s = 0; s < steps; ++s) {
        for (int64_t c = 0; c < in.columns; ++c) {
          int16_t* pair = in.b.data() + place_in_b(in.columns, steps, s, c);
          pair[0] = pair[1] = s < steps / 2 ? 8191 : -8191;
        }
      }
      in.b[place_in_b(in.columns, steps, 3, 7)] = 8188;  // an odd sum: a tie of shift 1
      check_multiply(kernels(), in, shift, false);
      if (HasFailure()) return;
    }
  }
}

// One product of each operand with those at the digits' edges.
TEST_P(Amx, EveryOperandIsItsDigits) {
  Operands in(16383, 16, 1, 2, true);
  in.runs = {{0, 1, 1, 0, 0}};
  in.a.assign(2 * 16383, 0);
  for (int64_t i = 0; i < in.rows; ++i) {
    in.a[static_cast<size_t>(2 * i)] = static_cast<int16_t>(i - 8191);
  }
  const int16_t edges[] = {
      0, 1, -1, 63, 64, 65, -64, -65, 127, 128, 8127, 8128, -8128, -8129, 8191, -8191};
  for (size_t c = 0; c < 16; ++c) in.b[2 * c] = edges[c];
  check_accumulate(kernels(), in, true);
}

// The opposite ends of every product of digits, over more than a panel.
TEST_P(Amx, ExtremeDigitsFit) {
  constexpr int16_t kEnds[] = {8191, -8191, 8127, -8128, 4032, -4160};
  for (const int16_t x : kEnds) {
    for (const int16_t y : kEnds) {
      Operands in(17, 17, 600, 2, true);
      std::fill(in.a.begin(), in.a.end(), x);
      std::fill(in.b.begin(), in.b.end(), y);
      check_accumulate(kernels(), in, true);
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiles, Amx, testing::Values(false, true), [](const auto& one) {
  return std::string(one.param ? "OfThisMachine" : "Emulated");
});

}  // namespace
}  // namespace ginn::device::cpu
