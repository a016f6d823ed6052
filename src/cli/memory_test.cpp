#include "cli/memory.h"

#include <gtest/gtest.h>

#include "cli/synthetic.h"

namespace ginn::cli {
namespace {

std::unique_ptr<training::Training> training_of(const std::string& model,
                                                uint32_t size,
                                                uint32_t microbatch) {
  SyntheticSize synthetic;
  synthetic.model = model;
  synthetic.height = synthetic.width = size;
  synthetic.channels = 3;
  synthetic.batch = synthetic.microbatch = microbatch;
  synthetic.records = microbatch;
  const SyntheticRun run = synthetic_run(synthetic).value();
  return training::Training::create(run.job, device::Level::kPortable).value();
}

TEST(Memory, GrowsWithImagesAndThreads) {
  const MemoryNeed four = worker_memory(*training_of("resnet18", 64, 4));
  const MemoryNeed eight = worker_memory(*training_of("resnet18", 64, 8));
  EXPECT_EQ(four.shared, eight.shared);
  EXPECT_GT(eight.per_thread, four.per_thread);
  EXPECT_EQ(four.total(3), four.shared + 3 * four.per_thread);
}

// At least what must exist: weights, velocities and sums, and every value of the microbatch.
TEST(Memory, IsNotBelowWhatMustExist) {
  const auto training = training_of("resnet18", 64, 4);
  uint64_t values = 0;
  for (const nn::Value& value : training->graph().values()) values += value.extent.count();
  const uint64_t least = 16 * training->graph().parameter_count() + 2 * 4 * values;
  EXPECT_GT(worker_memory(*training).total(1), least);
  EXPECT_GT(verifier_memory(*training).total(1), least);
  EXPECT_LT(worker_memory(*training).total(1), 4 * least);
}

// Nor a contribution of it where nobody takes it.
TEST(Memory, TheGradientOfALargeClassifierIsNotStored) {
  const auto training = training_of("vgg11", 32, 4);
  const uint64_t parameters = training->graph().parameter_count();
  const MemoryNeed alone = worker_memory(*training, false);
  EXPECT_LT(alone.per_thread, 2 * parameters);
  EXPECT_LT(alone.total(1), 19 * parameters);
  EXPECT_GT(worker_memory(*training).total(1), alone.total(1) + 2 * parameters);
}

TEST(Memory, WhatDoesNotFitIsSaidBefore) {
  EXPECT_TRUE(check_memory(1 << 20).ok());
  const Status status = check_memory(uint64_t{1} << 60);
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "not_enough_memory");
  EXPECT_NE(status.error().message.find("1152921504.61 GB"), std::string::npos)
      << status.error().message;
}

}  // namespace
}  // namespace ginn::cli
