#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <atomic>
#include <chrono>
#include <map>
#include <new>
#include <stdexcept>

#include "base/affinity.h"

namespace ginn {
namespace {

class ThreadPoolOfSize : public testing::TestWithParam<size_t> {};

TEST_P(ThreadPoolOfSize, CallsEachIndexOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.size(), GetParam());
  for (const size_t count : {0, 1, 2, 3, 6, 7, 8, 1000}) {
    std::vector<std::atomic<int>> calls(count);
    std::atomic<size_t> foreign_threads = 0;
    pool.parallel_for(count, [&](size_t index, size_t thread) {
      ++calls.at(index);
      if (thread >= pool.size()) ++foreign_threads;
    });
    for (const auto& call : calls) EXPECT_EQ(call, 1);
    EXPECT_EQ(foreign_threads, 0u);
  }
}

TEST_P(ThreadPoolOfSize, ManyShortLoopsInARow) {
  ThreadPool pool(GetParam());
  std::vector<size_t> sums(pool.size());  // one a thread: a shared index would lose additions
  size_t expected = 0;
  for (size_t round = 0; round < 2000; ++round) {
    const size_t count = round % 5;
    pool.parallel_for(count, [&](size_t index, size_t thread) { sums[thread] += index + 1; });
    expected += count * (count + 1) / 2;
  }
  size_t sum = 0;
  for (const size_t part : sums) sum += part;
  EXPECT_EQ(sum, expected);
}

TEST_P(ThreadPoolOfSize, ThreadsRunAtTheSameTime) {
  ThreadPool pool(GetParam());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::vector<std::atomic<int>> used(pool.size());
  std::atomic<size_t> arrived = 0;
  pool.parallel_for(pool.size(), [&](size_t, size_t thread) {
    ++used[thread];
    ++arrived;
    while (arrived < pool.size() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  });
  for (const auto& count : used) EXPECT_EQ(count, 1);
}

TEST_P(ThreadPoolOfSize, WhatABodyThrowsReachesTheCaller) {
  ThreadPool pool(GetParam());
  for (size_t round = 0; round < 200; ++round) {
    std::atomic<size_t> inside = 0;
    const size_t bad = round % 20;
    const auto body = [&](size_t index, size_t) {
      ++inside;
      if (index >= bad) {
        --inside;
        throw std::bad_alloc();
      }
      --inside;
    };
    EXPECT_THROW(pool.parallel_for(20, body), std::bad_alloc) << round;
    EXPECT_EQ(inside, 0u) << "a body still runs";
    std::atomic<size_t> calls = 0;
    pool.parallel_for(20, [&](size_t, size_t) { ++calls; });
    EXPECT_EQ(calls, 20u) << "the pool is whole";
  }
}

TEST_P(ThreadPoolOfSize, NothingIsBegunAfterAFailure) {
  ThreadPool pool(GetParam());
  std::atomic<size_t> calls = 0;
  EXPECT_THROW(pool.parallel_for(100'000,
                                 [&](size_t, size_t) {
                                   ++calls;
                                   throw std::runtime_error("");
                                 }),
               std::runtime_error);
  EXPECT_LE(calls, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolOfSize, testing::Values(1, 3, 7));

TEST(ThreadPool, ZeroThreadsMeansTheCallerAlone) { EXPECT_EQ(ThreadPool(0).size(), 1u); }

// Every thread is waited for, so that each of them takes an index.
std::map<size_t, std::vector<int>> cpus_of_threads(ThreadPool& pool) {
  std::map<size_t, std::vector<int>> cpus;
  std::mutex mutex;
  std::atomic<size_t> arrived = 0;
  pool.parallel_for(pool.size(), [&](size_t, size_t thread) {
    {
      std::lock_guard lock(mutex);
      cpus[thread] = usable_cpus();
    }
    ++arrived;
    while (arrived < pool.size()) std::this_thread::yield();
  });
  return cpus;
}

TEST(ThreadPool, ThreadsRunWhereTheyShould) {
  const std::vector<int> all = usable_cpus();
  for (size_t threads = 1; threads <= std::min<size_t>(all.size(), 4); ++threads) {
    // Backwards, so that a thread that is bound to the CPU of its number is noticed.
    const std::vector<int> cpus(all.rbegin(), all.rbegin() + static_cast<ptrdiff_t>(threads));
    ThreadPool pool(threads, cpus);
    for (int round = 0; round < 3; ++round) {
      const auto found = cpus_of_threads(pool);
      ASSERT_EQ(found.size(), threads);
      for (size_t i = 0; i < threads; ++i) EXPECT_EQ(found.at(i), std::vector<int>{cpus[i]});
      EXPECT_EQ(usable_cpus(), all) << "the caller is bound in a loop only";
    }
    EXPECT_THROW(pool.parallel_for(1, [](size_t, size_t) { throw std::runtime_error(""); }),
                 std::runtime_error);
    EXPECT_EQ(usable_cpus(), all);
  }
}

TEST(ThreadPool, WithoutCpusThreadsRunAnywhere) {
  ThreadPool pool(2);
  for (const auto& [thread, cpus] : cpus_of_threads(pool)) EXPECT_EQ(cpus, usable_cpus()) << thread;
}

TEST(ThreadPool, CpusThatAreNotThereAreRefused) {
  const std::vector<int> all = usable_cpus();
  EXPECT_THROW(ThreadPool(1, {CPU_SETSIZE - 1}), std::system_error);
  EXPECT_THROW(ThreadPool(2, {all[0], CPU_SETSIZE - 1}), std::system_error);
  EXPECT_THROW(ThreadPool(2, {CPU_SETSIZE - 1, all[0]}), std::system_error);
  EXPECT_EQ(usable_cpus(), all);
}

TEST(ThreadPoolDeathTest, ACpuTooFewIsABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(ThreadPool(2, {usable_cpus()[0]}), "broken invariant");
}

TEST(ThreadPool, AnotherPoolMayRunInside) {
  ThreadPool outer(3);
  std::atomic<size_t> calls = 0;
  outer.parallel_for(4, [&](size_t, size_t) {
    ThreadPool inner(2);
    inner.parallel_for(5, [&](size_t, size_t) { ++calls; });
  });
  EXPECT_EQ(calls, 20u);
}

TEST(ThreadPoolDeathTest, ALoopInsideALoopIsABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadPool pool(3);
        pool.parallel_for(2, [&](size_t, size_t) { pool.parallel_for(2, [](size_t, size_t) {}); });
      },
      "broken invariant");
}

TEST(ThreadPoolDeathTest, FlushToZeroIsRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  check_float_environment();
  for (const unsigned bit : {0x8000u, 0x0040u, 0x2000u}) {  // FTZ, DAZ, rounding down
    EXPECT_DEATH(
        {
          _mm_setcsr(_mm_getcsr() | bit);
          ThreadPool pool(1);
        },
        "broken invariant");
  }
}

TEST(ThreadPool, StickyExceptionFlagsAreNoFault) {
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x3f);
  check_float_environment();
  _mm_setcsr(saved);
}

}  // namespace
}  // namespace ginn
