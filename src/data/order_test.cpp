#include "data/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "arithmetic/philox.h"

namespace ginn::data {
namespace {

std::vector<uint32_t> records_of(const BatchOrder& order, uint64_t step, uint32_t batch) {
  std::vector<uint32_t> result;
  for (uint32_t i = 0; i < batch; ++i) result.push_back(order.record(step, i));
  return result;
}

// Known answers of Random123 1.14 (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0}, {0, 0, 0, 0}),
            (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, KeyAndCounterAreLaidOutAsDefined) {
  const Random random(0x123456789abcdef0, Purpose::kAugment);
  EXPECT_EQ(random.block(0x1122334455667788, 3, 4),
            philox({0x9abcdef0, 0x12345678 ^ 0x03000000}, {0x55667788, 0x11223344, 3, 4}));
}

TEST(Random, BoundedStaysBelowItsBoundAndIsEven) {
  const Random random(5, Purpose::kOrder);
  for (uint32_t bound : {1u, 2u, 3u, 5u, 1000u, 0x80000000u}) {
    for (uint32_t i = 0; i < 100; ++i) EXPECT_LT(random.bounded(i, 1, bound), bound);
  }
  std::vector<int> seen(5);
  for (uint32_t i = 0; i < 50000; ++i) ++seen[random.bounded(7, i, 5)];
  for (int count : seen) EXPECT_NEAR(count, 10000, 450);  // five standard deviations
}

// From an independent implementation in Python.
TEST(BatchOrder, KnownPermutations) {
  const BatchOrder order(7, 10, 10, LastBatch::kDrop);
  EXPECT_EQ(records_of(order, 0, 10), (std::vector<uint32_t>{4, 8, 7, 5, 2, 3, 0, 6, 9, 1}));
  EXPECT_EQ(records_of(order, 1, 10), (std::vector<uint32_t>{0, 4, 2, 6, 9, 8, 5, 3, 7, 1}));
  const BatchOrder wide(0x123456789abcdef0, 10, 10, LastBatch::kDrop);
  EXPECT_EQ(records_of(wide, (uint64_t{1} << 40) + 3, 10),
            (std::vector<uint32_t>{0, 1, 5, 9, 2, 3, 4, 7, 6, 8}));
}

TEST(BatchOrder, EveryEpochIsAnotherPermutation) {
  constexpr uint32_t kRecords = 1009;
  const BatchOrder order(1, kRecords, kRecords, LastBatch::kDrop);
  std::set<std::vector<uint32_t>> different;
  for (uint64_t epoch = 0; epoch < 5; ++epoch) {
    std::vector<uint32_t> records = records_of(order, epoch, kRecords);
    different.insert(records);
    std::sort(records.begin(), records.end());
    for (uint32_t i = 0; i < kRecords; ++i) ASSERT_EQ(records[i], i);
  }
  EXPECT_EQ(different.size(), 5u);
  const BatchOrder other(2, kRecords, kRecords, LastBatch::kDrop);
  EXPECT_EQ(different.count(records_of(other, 0, kRecords)), 0u);
}

TEST(BatchOrder, DropLeavesOutTheRestOfAnEpoch) {
  const BatchOrder whole(7, 10, 10, LastBatch::kDrop);
  const BatchOrder order(7, 10, 4, LastBatch::kDrop);
  EXPECT_EQ(order.steps_per_epochs(1), 2u);
  EXPECT_EQ(order.steps_per_epochs(3), 6u);
  for (uint64_t step = 0; step < 6; ++step) {
    for (uint32_t i = 0; i < 4; ++i) {
      EXPECT_EQ(order.record(step, i),
                whole.record(step / 2, static_cast<uint32_t>(step % 2) * 4 + i));
    }
  }
}

TEST(BatchOrder, CarryLaysEpochsEndToEnd) {
  const BatchOrder whole(7, 10, 10, LastBatch::kDrop);
  const BatchOrder order(7, 10, 4, LastBatch::kCarry);
  EXPECT_EQ(order.steps_per_epochs(1), 2u);
  EXPECT_EQ(order.steps_per_epochs(2), 5u);
  EXPECT_EQ(order.steps_per_epochs(3), 7u);
  for (uint64_t place = 0; place < 32; ++place) {
    EXPECT_EQ(order.record(place / 4, static_cast<uint32_t>(place % 4)),
              whole.record(place / 10, static_cast<uint32_t>(place % 10)));
  }
}

TEST(BatchOrder, CarryTakesABatchLargerThanTheDataset) {
  const BatchOrder whole(7, 3, 3, LastBatch::kDrop);
  const BatchOrder order(7, 3, 8, LastBatch::kCarry);
  EXPECT_EQ(order.steps_per_epochs(1), 0u);
  EXPECT_EQ(order.steps_per_epochs(3), 1u);
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(order.record(0, i), whole.record(i / 3, i % 3));
}

TEST(BatchOrder, OneRecord) {
  const BatchOrder order(7, 1, 1, LastBatch::kDrop);
  EXPECT_EQ(order.record(12345, 0), 0u);
}

TEST(BatchOrder, DoesNotDependOnTheOrderOfCallsOrThreads) {
  const BatchOrder order(3, 50, 10, LastBatch::kDrop);
  std::vector<uint32_t> forwards;
  for (uint64_t step = 0; step < 50; ++step) forwards.push_back(order.record(step, 5));
  std::vector<std::vector<uint32_t>> seen(4, std::vector<uint32_t>(50));
  const BatchOrder shared(3, 50, 10, LastBatch::kDrop);
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < seen.size(); ++thread) {
    threads.emplace_back([&shared, &seen, thread] {
      for (uint64_t i = 0; i < 50; ++i) {
        const uint64_t step = (i * 7 + thread * 11) % 50;
        seen[thread][step] = shared.record(step, 5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& records : seen) EXPECT_EQ(records, forwards);
}

TEST(BatchOrderDeathTest, RefusesBrokenPreconditions) {
  EXPECT_DEATH(BatchOrder(1, 3, 4, LastBatch::kDrop), "");
  EXPECT_DEATH(BatchOrder(1, 0, 1, LastBatch::kCarry), "");
  EXPECT_DEATH(BatchOrder(1, uint64_t{1} << 31, 1, LastBatch::kCarry), "");
  EXPECT_DEATH(BatchOrder(1, 4, 2, LastBatch::kDrop).record(0, 2), "");
  EXPECT_DEATH(BatchOrder(1, 4, 2, LastBatch::kCarry).record(uint64_t{1} << 63, 1), "");
}

}  // namespace
}  // namespace ginn::data
