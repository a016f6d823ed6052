#include "training/start.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "model_file/safetensors.h"
#include "tests/support/synthetic.h"
#include "training/training.h"

namespace ginn::training {
namespace {

using model_file::Dtype;
using model_file::NamedTensor;

// A model file of resnet8 whose numbers are its own, and jobs that start from it.
class StartTest : public testing::Test {
 protected:
  StartTest() {
    const auto made = Training::create(job_, device::Level::kPortable);
    GINN_CHECK(made.ok());
    const size_t channels = (*made)->graph().batch_norm_channels();
    numbers_.resize((*made)->graph().parameter_count());
    for (size_t i = 0; i < numbers_.size(); ++i) numbers_[i] = std::ldexp(1.0f, -(int(i) % 140));
    numbers_[3] = -0.0f;
    const RunningStatistics statistics{std::vector<float>(channels),
                                       std::vector<float>(channels, 1.0f)};
    file_ = (*made)->model_file(numbers_.data(), statistics);
  }

  // The job that names `file`, given `given`.
  Result<std::unique_ptr<Training>> start(const Bytes& file, const Bytes& given) {
    job_.weights = job::StartWeights{crypto::sha256(file), except_};
    return Training::create(job_, device::Level::kPortable, [&](uint64_t limit) -> Result<Bytes> {
      EXPECT_GE(limit, given.size());
      return given;
    });
  }
  std::string code(const Bytes& file) {
    const auto made = start(file, file);
    if (made.ok()) return "";
    message_ = made.error().message;
    return made.error().code;
  }
  // The file with its tensors changed.
  template <typename Change>
  Bytes changed(const Change& change) {
    auto tensors = model_file::parse_safetensors(file_).value().tensors;
    change(tensors);
    return model_file::write_safetensors(tensors, {}).value();
  }
  static NamedTensor& named(std::vector<NamedTensor>& tensors, std::string_view name) {
    for (NamedTensor& tensor : tensors) {
      if (tensor.name == name) return tensor;
    }
    GINN_CHECK(false && "no such tensor");
    return tensors.front();
  }
  bool says(std::string_view text) const { return message_.find(text) != std::string::npos; }

  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 24});
  job::Job job_ = test::synthetic_job(*records_, "resnet8");
  std::vector<std::string> except_;
  std::vector<float> numbers_;
  Bytes file_;
  std::string message_;
};

TEST_F(StartTest, TakesTheFileBitForBit) {
  const auto training = start(file_, file_);
  ASSERT_TRUE(training.ok()) << training.error().message;
  const State state(**training);
  EXPECT_EQ(0, std::memcmp(state.weights(), numbers_.data(), numbers_.size() * sizeof(float)));
}

TEST_F(StartTest, ExceptedParametersAreTheSeeds) {
  except_ = {"fc.*"};
  // Whatever the file has under these names.
  const Bytes file = changed([](std::vector<NamedTensor>& tensors) {
    NamedTensor& head = named(tensors, "fc.weight");
    head.shape = {1, 3};
    head.data.resize(12);
    named(tensors, "fc.bias").name = "fc.other";
  });
  const auto training = start(file, file);
  ASSERT_TRUE(training.ok()) << training.error().message;
  const State state(**training);
  job_.weights.reset();
  const State fresh((*training)->graph(), job_);
  for (const nn::Parameter& p : (*training)->graph().parameters()) {
    const bool head = p.name.starts_with("fc.");
    const float* expected = head ? fresh.weights() : numbers_.data();
    EXPECT_EQ(0,
              std::memcmp(state.weights() + p.offset, expected + p.offset, p.count * sizeof(float)))
        << p.name;
  }
}

TEST_F(StartTest, AnotherFileIsRefused) {
  Bytes other = file_;
  other.back() ^= 1;
  const auto training = start(file_, other);
  ASSERT_FALSE(training.ok());
  EXPECT_STREQ(training.error().code, "weights_digest");
  EXPECT_NE(training.error().message.find(crypto::tagged(crypto::sha256(other))),
            std::string::npos);
}

TEST_F(StartTest, NamesEverythingThatDoesNotFit) {
  const Bytes file = changed([](std::vector<NamedTensor>& tensors) {
    named(tensors, "conv1.weight").name = "conv.weight";
    named(tensors, "bn1.weight").shape = {4, 4};
    NamedTensor& bias = named(tensors, "fc.bias");
    bias.dtype = Dtype::kI64;
    bias.data.resize(2 * bias.data.size());
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(named(tensors, "bn1.bias").data.data() + 8, &nan, sizeof nan);
    const float infinity = std::numeric_limits<float>::infinity();
    std::memcpy(named(tensors, "fc.weight").data.data(), &infinity, sizeof infinity);
  });
  EXPECT_EQ(code(file), "weights_tensors");
  EXPECT_TRUE(says("conv1.weight is missing")) << message_;
  EXPECT_TRUE(says("conv.weight is not the network's")) << message_;
  EXPECT_TRUE(says("bn1.weight is F32 [4, 4], expected F32 (or F16, BF16) [16]")) << message_;
  EXPECT_TRUE(says("fc.bias is I64 [4], expected F32 (or F16, BF16) [4]")) << message_;
  EXPECT_TRUE(says("bn1.bias is not finite at element 2")) << message_;
  EXPECT_TRUE(says("fc.weight is not finite at element 0")) << message_;
}

TEST_F(StartTest, HalvesAreWidened) {
  const Bytes file = changed([](std::vector<NamedTensor>& tensors) {
    for (const auto& [name, dtype] :
         {std::pair{"bn1.weight", Dtype::kF16}, {"bn1.bias", Dtype::kBf16}}) {
      NamedTensor& tensor = named(tensors, name);
      tensor.dtype = dtype;
      tensor.data.assign(32, 0);
      tensor.data[2] = 0x01;  // element 1: 0xc001
      tensor.data[3] = 0xc0;
    }
  });
  const auto training = start(file, file);
  ASSERT_TRUE(training.ok()) << training.error().message;
  const State state(**training);
  const auto& parameters = (*training)->graph().parameters();
  ASSERT_EQ(parameters[1].name, "bn1.weight");
  EXPECT_EQ(state.weights()[parameters[1].offset], 0.0f);
  EXPECT_EQ(state.weights()[parameters[1].offset + 1], -(2.0f + 0x1p-9f));
  EXPECT_EQ(state.weights()[parameters[2].offset + 1], -(2.0f + 0x1p-6f));
  EXPECT_EQ(code(changed([](std::vector<NamedTensor>& tensors) {
              NamedTensor& tensor = named(tensors, "bn1.weight");
              tensor.dtype = Dtype::kF16;
              tensor.data.assign(32, 0x7c);  // 0x7c7c is no number
              NamedTensor& other = named(tensors, "bn1.bias");
              other.dtype = Dtype::kF64;
              other.data.assign(128, 0);
            })),
            "weights_tensors");
  EXPECT_TRUE(says("bn1.weight is not finite at element 0")) << message_;
  EXPECT_TRUE(says("bn1.bias is F64 [16], expected F32")) << message_;
}

TEST_F(StartTest, BuffersAreNoParameters) {
  // Files without them, and with whatever in them, are as good.
  EXPECT_EQ(code(changed([](std::vector<NamedTensor>& tensors) {
              std::erase_if(tensors, [](const NamedTensor& tensor) {
                return tensor.name.find("running") != std::string::npos;
              });
            })),
            "");
  EXPECT_EQ(code(changed([](std::vector<NamedTensor>& tensors) {
              named(tensors, "bn1.running_mean").name = "fc.running_mean";
            })),
            "weights_tensors");
  EXPECT_TRUE(says("fc.running_mean is not the network's"));
}

TEST_F(StartTest, AMessageIsOfBoundedSize) {
  const Bytes file = changed([](std::vector<NamedTensor>& tensors) {
    for (int i = 0; i < 1000; ++i) {
      NamedTensor more = tensors.front();
      more.name = concat(std::string(200, 'x'), i);
      tensors.push_back(std::move(more));
    }
  });
  EXPECT_EQ(code(file), "weights_tensors");
  EXPECT_LT(message_.size(), 32'000u);
  EXPECT_TRUE(says(" more;"));
}

TEST_F(StartTest, TheLimitFollowsTheNetwork) {
  const auto training = start(file_, file_);
  ASSERT_TRUE(training.ok());
  const nn::Graph& graph = (*training)->graph();
  const uint64_t own = 4 * (graph.parameter_count() + 2 * graph.batch_norm_channels()) +
                       8 * graph.batch_norms().size();
  EXPECT_EQ(max_weights_bytes(graph), own + (uint64_t{1} << 20) + (uint64_t{1} << 28));
}

TEST_F(StartTest, ErrorsOfTheFileAndOfItsReaderAreTold) {
  EXPECT_EQ(code(Bytes(3)), "safetensors_truncated");
  job_.weights = job::StartWeights{};
  const auto none = Training::create(job_, device::Level::kPortable, [](uint64_t) -> Result<Bytes> {
    return environment_error("unreadable", "");
  });
  ASSERT_FALSE(none.ok());
  EXPECT_STREQ(none.error().code, "unreadable");
}

}  // namespace
}  // namespace ginn::training
