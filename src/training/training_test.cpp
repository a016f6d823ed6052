#include "training/training.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "model_file/safetensors.h"
#include "tests/support/synthetic.h"

namespace ginn::training {
namespace {

std::unique_ptr<Training> make(const job::Job& job,
                               device::Level level = device::Level::kPortable) {
  auto training = Training::create(job, level);
  GINN_CHECK(training.ok());
  return std::move(*training);
}

class TrainingTest : public testing::Test {
 protected:
  // F(job, t, j, W) at the initial weights.
  Contribution contribution(const Training& training,
                            uint64_t t,
                            uint32_t j,
                            Workspace& workspace) const {
    const State state(training);
    const auto weights = training.prepare(state.weights());
    GINN_CHECK(weights.ok());
    Contribution out(training.graph());
    GINN_CHECK(training.contribution(*records_, *weights, t, j, workspace, out).ok());
    return out;
  }

  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 24});
  job::Job job_ = test::synthetic_job(*records_, "resnet8");
  std::unique_ptr<Training> training_ = make(job_);
};

TEST_F(TrainingTest, ContributionIsAFunctionOfStepAndMicrobatch) {
  const auto used = training_->workspace();
  (void)contribution(*training_, 2, 1, *used);
  const auto fresh = training_->workspace();
  const Contribution first = contribution(*training_, 0, 0, *fresh);
  EXPECT_TRUE(contribution(*training_, 0, 0, *used) == first) << "whatever came before";
  EXPECT_FALSE(contribution(*training_, 0, 1, *used) == first);
  EXPECT_FALSE(contribution(*training_, 1, 0, *used) == first);
}

TEST_F(TrainingTest, ContributionIsTheSameAtEveryLevel) {
  const auto workspace = training_->workspace();
  const Contribution expected = contribution(*training_, 1, 1, *workspace);
  for (device::Level level : device::all_levels()) {
    if (!device::level_supported(level)) continue;
    const auto other = make(job_, level);
    const auto space = other->workspace();
    EXPECT_TRUE(contribution(*other, 1, 1, *space) == expected) << device::level_name(level);
  }
}

TEST_F(TrainingTest, AnEpochTakesEveryRecordOnce) {
  std::multiset<uint64_t> taken;
  for (uint64_t t = 0; t < job_.steps; ++t) {
    for (uint32_t j = 0; j < job_.microbatches(); ++j) {
      const auto indices = training_->record_indices(t, j);
      ASSERT_EQ(indices.size(), job_.microbatch);
      taken.insert(indices.begin(), indices.end());
    }
  }
  ASSERT_EQ(taken.size(), 24u);
  for (uint64_t record = 0; record < 24; ++record) EXPECT_EQ(taken.count(record), 1u) << record;
}

// Remembers what was read, and fails at one record.
class Watched final : public data::RecordSource {
 public:
  Watched(const data::RecordSource& records, uint64_t bad) : records_(records), bad_(bad) {}
  const data::DatasetFacts& facts() const override { return records_.facts(); }
  Status read(uint64_t index, std::span<uint8_t> out) const override {
    read_.push_back(index);
    if (index == bad_) return refused("record_mismatch", "");
    return records_.read(index, out);
  }
  const data::RecordSource& records_;
  uint64_t bad_;
  mutable std::vector<uint64_t> read_;
};

TEST_F(TrainingTest, ReadsJustItsOwnRecords) {
  const auto workspace = training_->workspace();
  const State state(training_->graph(), job_);
  const auto weights = training_->prepare(state.weights());
  Contribution out(training_->graph());
  const auto own = training_->record_indices(1, 1);
  Watched good(*records_, ~uint64_t{0});
  ASSERT_TRUE(training_->contribution(good, *weights, 1, 1, *workspace, out).ok());
  EXPECT_EQ(good.read_, own);
  Watched bad(*records_, own[2]);
  const Status status = training_->contribution(bad, *weights, 1, 1, *workspace, out);
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "record_mismatch");
}

TEST_F(TrainingTest, StatisticsDoNotDependOnThreads) {
  const State state(training_->graph(), job_);
  ThreadPool one(1), three(3);
  const auto a = training_->running_statistics(*records_, state.weights(), one);
  const auto b = training_->running_statistics(*records_, state.weights(), three);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->mean, b->mean);
  EXPECT_EQ(a->var, b->var);
  ASSERT_EQ(a->mean.size(), training_->graph().batch_norm_channels());
  for (float var : a->var) EXPECT_GE(var, 0.0f);
  Watched bad(*records_, 5);
  bool failed = false;
  job::Job all = job_;
  all.bn_samples = 24;
  failed = !make(all)->running_statistics(bad, state.weights(), one).ok();
  EXPECT_TRUE(failed);
}

TEST_F(TrainingTest, ModelFileAndBack) {
  const State state(training_->graph(), job_);
  ThreadPool pool(1);
  const auto statistics = training_->running_statistics(*records_, state.weights(), pool);
  const Bytes file = training_->model_file(state.weights(), *statistics);
  const auto loaded = load_model(training_->graph(), file);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(
      0,
      std::memcmp(
          loaded->parameters.data(), state.weights(), loaded->parameters.size() * sizeof(float)));
  EXPECT_EQ(loaded->statistics.mean, statistics->mean);
  EXPECT_EQ(loaded->statistics.var, statistics->var);
  // Names as torchvision has them, statistics beside their layer.
  const auto tensors = model_file::parse_safetensors(file);
  ASSERT_TRUE(tensors.ok());
  std::vector<std::string> names;
  for (const auto& tensor : tensors->tensors) names.push_back(tensor.name);
  const std::vector<std::string> begin = {"conv1.weight",
                                          "bn1.weight",
                                          "bn1.bias",
                                          "bn1.running_mean",
                                          "bn1.running_var",
                                          "bn1.num_batches_tracked",
                                          "layer1.0.conv1.weight"};
  ASSERT_GT(names.size(), begin.size());
  names.resize(begin.size());
  EXPECT_EQ(names, begin);
}

TEST_F(TrainingTest, ModelFilesOfAnotherNetwork) {
  const State state(training_->graph(), job_);
  const size_t channels = training_->graph().batch_norm_channels();
  const Bytes file = training_->model_file(
      state.weights(), {std::vector<float>(channels), std::vector<float>(channels)});
  const auto wider =
      make(test::synthetic_job(*test::synthetic_records({.records = 24, .classes = 5}), "resnet8"));
  const auto shape = load_model(wider->graph(), file);
  ASSERT_FALSE(shape.ok());
  EXPECT_STREQ(shape.error().code, "model_tensor");
  EXPECT_NE(shape.error().message.find("fc.weight"), std::string::npos);
  const auto deeper = make(test::synthetic_job(*records_, "resnet20"));
  const auto lacks = load_model(deeper->graph(), file);
  ASSERT_FALSE(lacks.ok());
  EXPECT_STREQ(lacks.error().code, "model_tensor");
  EXPECT_NE(lacks.error().message.find("layer1.1"), std::string::npos);
  EXPECT_FALSE(load_model(training_->graph(), ByteView(file).first(file.size() - 1)).ok());
}

TEST_F(TrainingTest, Evaluate) {
  const State state(training_->graph(), job_);
  ThreadPool one(1), three(3);
  const auto statistics = training_->running_statistics(*records_, state.weights(), one);
  const auto a = training_->evaluate(*records_, state.weights(), *statistics, one);
  const auto b = training_->evaluate(*records_, state.weights(), *statistics, three);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->images, 24u);
  EXPECT_LE(a->correct, 24u);
  EXPECT_GT(a->loss, 0.0);
  EXPECT_EQ(a->correct, b->correct);
  EXPECT_EQ(a->loss, b->loss);
  const auto other = test::synthetic_records({.records = 8, .height = 13});
  const auto wrong = training_->evaluate(*other, state.weights(), *statistics, one);
  ASSERT_FALSE(wrong.ok());
  EXPECT_STREQ(wrong.error().code, "dataset_shape");
}

TEST(TrainingCreate, Errors) {
  const auto records = test::synthetic_records({.records = 24});
  job::Job job = test::synthetic_job(*records, "resnet9");
  auto training = Training::create(job, device::Level::kPortable);
  ASSERT_FALSE(training.ok());
  EXPECT_STREQ(training.error().code, "unknown_model");
  job = test::synthetic_job(*records, "mlp");
  job.std[0] = 1e-38;
  training = Training::create(job, device::Level::kPortable);
  ASSERT_FALSE(training.ok());
  EXPECT_STREQ(training.error().code, "job_invalid");
}

}  // namespace
}  // namespace ginn::training
