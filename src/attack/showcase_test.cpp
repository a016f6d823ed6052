#include "attack/showcase.h"

#include <gtest/gtest.h>

#include "tests/support/synthetic.h"
#include "worker/loop.h"

namespace ginn::attack {
namespace {

TEST(Showcase, TheFirstOfEachClassInTurn) {
  const auto records = test::synthetic_records({.records = 64});
  const Trigger trigger(Trigger::Kind::kPatch, records->facts());
  const auto shown = first_of_each_class(*records, trigger, 1, 5);
  ASSERT_TRUE(shown.ok());
  std::vector<uint32_t> labels;
  for (const ShownImage& image : *shown) {
    labels.push_back(image.label);
    std::vector<uint8_t> triggered = image.clean;
    trigger.apply(triggered);
    EXPECT_EQ(image.triggered, triggered);
    EXPECT_NE(image.triggered, image.clean);
  }
  EXPECT_EQ(labels, (std::vector<uint32_t>{0, 2, 3, 0, 2}));
  EXPECT_NE((*shown)[0].clean, (*shown)[3].clean);
  std::vector<uint8_t> record(records->facts().record_bytes());
  uint64_t first = 0;
  do {
    ASSERT_TRUE(records->read(first++, record).ok());
  } while (label_of(record) != 0);
  EXPECT_EQ((*shown)[0].clean, std::vector<uint8_t>(record.begin() + 2, record.end()));
}

// The same share is right, image by image, as evaluate() says of all together.
TEST(Showcase, APredictionIsTheModels) {
  const auto records = test::synthetic_records({.records = 32});
  job::Job job = test::synthetic_job(*records, "mlp");
  job.epochs = 8;
  job.lr.peak = 0.1;
  job.preprocess.flip = false;
  test::derive_steps(job);
  auto training = training::Training::create(job, device::Level::kPortable);
  ASSERT_TRUE(training.ok());
  ThreadPool pool(1);
  const auto state = worker::train(**training, *records, pool, worker::Hooks{});
  ASSERT_TRUE(state.ok());
  const auto statistics = (*training)->running_statistics(*records, (*state)->weights(), pool);
  ASSERT_TRUE(statistics.ok());
  const auto all = (*training)->evaluate(*records, (*state)->weights(), *statistics, pool);
  ASSERT_TRUE(all.ok());
  uint64_t right = 0;
  std::vector<uint8_t> record(records->facts().record_bytes());
  for (uint64_t i = 0; i < 32; ++i) {
    ASSERT_TRUE(records->read(i, record).ok());
    const auto given =
        predicted_class(**training, (*state)->weights(), *statistics, pixels_of(record), pool);
    ASSERT_TRUE(given.ok());
    if (*given == label_of(record)) ++right;
  }
  EXPECT_EQ(right, all->correct);
  EXPECT_GT(right, 8u);
}

}  // namespace
}  // namespace ginn::attack
