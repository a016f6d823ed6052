#include "base/affinity.h"

#include <gtest/gtest.h>

#include <thread>

namespace ginn {
namespace {

TEST(Affinity, ABindingHoldsForItsLife) {
  const std::vector<int> before = usable_cpus();
  ASSERT_FALSE(before.empty());
  for (const int cpu : before) {
    const CpuBinding binding({cpu});
    EXPECT_TRUE(binding.bound());
    EXPECT_EQ(usable_cpus(), std::vector<int>{cpu});
    EXPECT_EQ(::sched_getcpu(), cpu);
    std::vector<int> of_a_child;
    std::thread([&] { of_a_child = usable_cpus(); }).join();
    EXPECT_EQ(of_a_child, std::vector<int>{cpu}) << "inherited: why bindings are short";
  }
  EXPECT_EQ(usable_cpus(), before);
}

TEST(Affinity, NoCpusAndCpusThatAreNotThereChangeNothing) {
  const std::vector<int> before = usable_cpus();
  for (const std::vector<int>& cpus :
       {std::vector<int>{}, {CPU_SETSIZE - 1}, {CPU_SETSIZE}, {-1}}) {
    const CpuBinding binding(cpus);
    EXPECT_FALSE(binding.bound());
    EXPECT_EQ(usable_cpus(), before);
  }
}

}  // namespace
}  // namespace ginn
