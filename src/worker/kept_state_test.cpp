#include "worker/kept_state.h"

#include <gtest/gtest.h>

#include "model_file/safetensors.h"
#include "tests/support/synthetic.h"
#include "worker/loop.h"

namespace ginn::worker {
namespace {

class KeptState : public testing::Test {
 protected:
  KeptState() {
    auto training = training::Training::create(job_, device::Level::kPortable);
    GINN_CHECK(training.ok());
    training_ = std::move(*training);
    ThreadPool pool(1);
    auto state = train(*training_, *records_, pool, {});
    GINN_CHECK(state.ok());
    state_ = std::move(*state);
    file_ = *write_kept_state(*training_, *state_);
  }
  std::string code(ByteView file, uint64_t step = 4) const {
    const auto read = read_kept_state(*training_, step, file);
    return read.ok() ? "ok" : read.error().code;
  }
  // The file with one thing of it changed.
  std::string code_with(const std::function<void(model_file::TensorFile&)>& change) const {
    auto parsed = *model_file::parse_safetensors(file_);
    change(parsed);
    return code(*model_file::write_safetensors(parsed.tensors, parsed.metadata));
  }

  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 32});
  job::Job job_ = test::synthetic_job(*records_, "lenet");
  std::unique_ptr<training::Training> training_;
  std::unique_ptr<training::State> state_;
  Bytes file_;
};

TEST_F(KeptState, ReadsBackToTheSameDigest) {
  const auto read = read_kept_state(*training_, 4, file_);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ((*read)->digest(), state_->digest());
  EXPECT_EQ((*read)->step(), 4u);
  EXPECT_LE(file_.size(), max_kept_state_bytes(*training_));
}

TEST_F(KeptState, OfAnotherStepJobOrVersion) {
  EXPECT_EQ(code(file_, 3), "state_form");
  EXPECT_EQ(code_with([](auto& file) { file.metadata["ginn"] = "state/v2"; }), "state_version");
  EXPECT_EQ(code_with([](auto& file) { file.metadata["ginn"] = "model"; }), "state_form");
  EXPECT_EQ(code_with([](auto& file) { file.metadata.erase("ginn"); }), "state_form");
  job_.seed += 1;
  const auto other = training::Training::create(job_, device::Level::kPortable);
  const auto read = read_kept_state(**other, 4, file_);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message.find("metadata job"), std::string::npos);
}

TEST_F(KeptState, HostileTensors) {
  EXPECT_EQ(code_with([](auto&) {}), "ok");
  EXPECT_EQ(code_with([](auto& file) { file.tensors.pop_back(); }), "state_form");
  EXPECT_EQ(code_with([](auto& file) { file.tensors[0].name = "weights/x"; }), "state_form");
  EXPECT_EQ(code_with([](auto& file) { std::swap(file.tensors[0], file.tensors[1]); }),
            "state_form");
  EXPECT_EQ(code_with([](auto& file) { file.tensors[0].shape.push_back(1); }), "state_form");
  EXPECT_EQ(code_with([](auto& file) {
              file.tensors[0].dtype = model_file::Dtype::kI16;
              file.tensors[0].shape.push_back(2);
            }),
            "state_form");
  for (const size_t size : {size_t{0}, size_t{7}, size_t{100}, file_.size() - 1}) {
    EXPECT_NE(code(ByteView(file_).first(size)), "ok") << size;
  }
}

TEST(KeptStateName, IsItsOwnInverse) {
  EXPECT_EQ(kept_state_name(64), "step-00000064.safetensors");
  EXPECT_EQ(kept_state_step("step-00000064.safetensors"), 64u);
  for (const char* other : {"step-64.safetensors",
                            "step-0000006x.safetensors",
                            "step-00000064.safetensors.tmp",
                            "00000064.safetensors",
                            ""}) {
    EXPECT_FALSE(kept_state_step(other)) << other;
  }
}

TEST(KeepTest, ChoosesStatesOfTheTranscript) {
  EXPECT_FALSE(Keep::parse("none")->any());
  EXPECT_FALSE(Keep::parse("none")->keeps(64, 640));
  EXPECT_TRUE(Keep::parse("all")->keeps(64, 640));
  EXPECT_FALSE(Keep::parse("all")->keeps(65, 640));
  EXPECT_FALSE(Keep::parse("all")->keeps(640, 640)) << "the model has it";
  EXPECT_FALSE(Keep::parse("128")->keeps(64, 640));
  EXPECT_TRUE(Keep::parse("128")->keeps(256, 640));
  for (const char* bad : {"", "0", "63", "65", "-64", "64x", "every", "99999999999999999999"}) {
    const auto keep = Keep::parse(bad);
    ASSERT_FALSE(keep.ok()) << bad;
    EXPECT_STREQ(keep.error().code, "keep");
  }
}

}  // namespace
}  // namespace ginn::worker
