// Whole steps of the engine against the oracle, by memcmp, at every level that this CPU has.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <tuple>

#include "arithmetic/format.h"
#include "base/text.h"
#include "tests/oracle/oracle.h"
#include "tests/support/oracle_spec.h"
#include "tests/support/small_networks.h"
#include "tests/support/synthetic.h"
#include "training/training.h"

namespace ginn {
namespace {

using device::Level;

oracle::Schedule schedule_of(const job::Job& job) {
  oracle::Schedule schedule;
  switch (job.lr.schedule) {
    case job::Schedule::kConstant:
      schedule.kind = oracle::Schedule::kConstant;
      break;
    case job::Schedule::kCosine:
      schedule.kind = oracle::Schedule::kCosine;
      break;
    case job::Schedule::kStep:
      schedule.kind = oracle::Schedule::kStep;
      break;
  }
  schedule.peak = job.lr.peak;
  schedule.warmup = job.lr.warmup;
  schedule.gamma = job.lr.gamma;
  schedule.milestones = job.lr.milestones;
  schedule.steps = job.steps;
  return schedule;
}

// Raw records as the oracle reads them, by its own order and augmentation.
struct OracleData {
  const data::MemoryRecords& records;
  const job::Job& job;

  void image(uint32_t record,
             bool training,
             uint64_t t,
             uint32_t position,
             std::vector<uint8_t>& images,
             std::vector<uint32_t>& labels) const {
    const size_t size = job.data.record_bytes();
    const ByteView raw = records.bytes().subspan(record * size, size);
    labels.push_back(raw[0] + 256u * raw[1]);
    const std::vector<uint8_t> pixels(raw.begin() + 2, raw.end());
    const oracle::Augment rule{job.preprocess.pad, job.preprocess.crop, job.preprocess.flip};
    const auto out = oracle::augment(pixels,
                                     job.data.height,
                                     job.data.width,
                                     job.data.channels,
                                     rule,
                                     training,
                                     job.seed,
                                     t,
                                     position);
    images.insert(images.end(), out.begin(), out.end());
  }

  void microbatch(uint64_t t,
                  uint32_t j,
                  std::vector<uint8_t>& images,
                  std::vector<uint32_t>& labels) const {
    images.clear();
    labels.clear();
    const auto batch = oracle::batch_records(job.seed,
                                             static_cast<uint32_t>(job.data.records),
                                             job.batch,
                                             job.last_batch == data::LastBatch::kCarry,
                                             t);
    for (uint32_t i = 0; i < job.microbatch; ++i) {
      const uint32_t position = j * job.microbatch + i;
      image(batch[position], true, t, position, images, labels);
    }
  }
};

Bytes state_bytes(const training::State& state) {
  // weights() points at all w, then all v.
  Bytes bytes(2 * state.parameter_count() * sizeof(float));
  std::memcpy(bytes.data(), state.weights(), bytes.size());
  return bytes;
}

// What a job says of parameters, said to the oracle.
using Change = std::function<void(std::vector<oracle::Parameter>&)>;

// Steps and the end of a short run of one job: every contribution, every state, the statistics and
// the logits of an evaluation.
void compare(const job::Job& job,
             const data::MemoryRecords& records,
             Result<std::unique_ptr<training::Training>> created,
             const oracle::Spec& spec,
             uint64_t steps,
             const Change& change = nullptr) {
  SCOPED_TRACE(spec.model);
  ASSERT_TRUE(job::validate(job).empty());
  ASSERT_TRUE(created.ok()) << created.error().message;
  const training::Training& training = **created;
  training::State state(training);
  oracle::Oracle oracle(spec);
  if (change) change(oracle.parameters());
  const OracleData data{records, job};
  const auto workspace = training.workspace();
  training::Contribution contribution(training.graph());
  Bytes encoded(training::encoded_size(training.graph()));
  std::vector<uint8_t> images;
  std::vector<uint32_t> labels;

  ASSERT_EQ(training.graph().parameters().size(), oracle.parameters().size());
  for (size_t p = 0; p < oracle.parameters().size(); ++p) {
    EXPECT_EQ(training.graph().parameters()[p].name, oracle.parameters()[p].name);
    EXPECT_EQ(training.graph().parameters()[p].shape, oracle.parameters()[p].shape);
  }
  EXPECT_EQ(state_bytes(state), oracle.state_bytes()) << "initial weights";

  for (uint64_t t = 0; t < steps; ++t) {
    const auto weights = training.prepare(state.weights());
    ASSERT_TRUE(weights.ok());
    for (uint32_t j = 0; j < job.microbatches(); ++j) {
      SCOPED_TRACE("step " + std::to_string(t) + ", microbatch " + std::to_string(j));
      const Status status =
          training.contribution(records, *weights, t, j, *workspace, contribution);
      ASSERT_TRUE(status.ok()) << status.error().message;
      data.microbatch(t, j, images, labels);
      const auto expected = oracle.contribution(images, labels, t, j * job.microbatch);
      ASSERT_TRUE(expected.has_value()) << oracle.failure();
      const std::vector<float> gradients = workspace->run.gradients();
      for (size_t p = 0; p < oracle.parameters().size(); ++p) {
        const nn::Parameter& parameter = training.graph().parameters()[p];
        ASSERT_EQ(parameter.frozen, oracle.parameters()[p].frozen);
        if (parameter.frozen) continue;
        ASSERT_EQ(0,
                  std::memcmp(oracle.gradients()[p].data(),
                              gradients.data() + parameter.offset,
                              parameter.count * sizeof(float)))
            << parameter.name;
      }
      training::encode(training.graph(), contribution, encoded);
      ASSERT_EQ(encoded, *expected);
      EXPECT_EQ(workspace->run.loss_sum(), oracle.loss_fixed());
      EXPECT_EQ(workspace->run.correct(), oracle.correct());
      EXPECT_TRUE(training::norm_within(
          training.graph(), training.maps(), contribution, training::norm_limit(job.clip_norm)));
      EXPECT_TRUE(oracle.norm_ok(*expected));
      state.add(training.maps(), contribution);
      ASSERT_TRUE(oracle.accumulate(*expected));
    }
    const float rate = training::learning_rate(job, t);
    EXPECT_EQ(rate, oracle::learning_rate(schedule_of(job), t));
    ASSERT_TRUE(state.apply(training.maps()).ok());
    ASSERT_TRUE(oracle.apply(rate));
    ASSERT_EQ(state_bytes(state), oracle.state_bytes()) << "after step " << t;
  }

  // Section 10.
  ThreadPool pool(2);
  const auto statistics = training.running_statistics(records, state.weights(), pool);
  ASSERT_TRUE(statistics.ok());
  const auto order =
      oracle::permutation(job.seed, job.epochs, static_cast<uint32_t>(job.data.records));
  oracle.begin_statistics();
  for (uint64_t b = 0; b < job.bn_samples; b += job.microbatch) {
    images.clear();
    labels.clear();
    for (uint32_t i = 0; i < job.microbatch; ++i) {
      data.image(order[b + i], false, 0, 0, images, labels);
    }
    ASSERT_TRUE(oracle.add_statistics(images));
  }
  ASSERT_TRUE(oracle.finish_statistics());
  for (const nn::BatchNorm& norm : training.graph().batch_norms()) {
    const oracle::Oracle::Running& running = oracle.running().at(norm.name);
    for (size_t c = 0; c < norm.channels; ++c) {
      EXPECT_EQ(running.mean[c], statistics->mean[norm.offset + c]) << norm.name;
      EXPECT_EQ(running.var[c], statistics->var[norm.offset + c]) << norm.name;
    }
  }
  nn::StepWeights weights = training.prepare(state.weights()).value();
  weights.running_mean = statistics->mean.data();
  weights.running_var = statistics->var.data();
  images.clear();
  labels.clear();
  for (uint32_t i = 0; i < job.microbatch; ++i) data.image(i, false, 0, 0, images, labels);
  const auto logits = oracle.evaluate_logits(images);
  ASSERT_TRUE(logits.has_value());
  // The input of the workspace still holds other images: evaluate through the public path and
  // compare what it says of the same ones.
  const auto evaluated = training.evaluate(records, state.weights(), *statistics, pool);
  ASSERT_TRUE(evaluated.ok());
  uint64_t correct = 0;
  for (uint64_t begin = 0; begin < job.data.records; begin += job.microbatch) {
    images.clear();
    labels.clear();
    const uint64_t end = std::min<uint64_t>(job.data.records, begin + job.microbatch);
    for (uint64_t i = begin; i < end; ++i) {
      data.image(static_cast<uint32_t>(i), false, 0, 0, images, labels);
    }
    const auto batch = oracle.evaluate_logits(images);
    ASSERT_TRUE(batch.has_value());
    for (size_t i = 0; i < labels.size(); ++i) {
      const float* l = batch->data() + i * job.data.classes;
      uint32_t best = 0;
      for (uint32_t k = 1; k < job.data.classes; ++k) best = l[k] > l[best] ? k : best;
      correct += best == labels[i];
    }
  }
  EXPECT_EQ(evaluated->correct, correct);
}

void compare(const job::Job& job, const data::MemoryRecords& records, Level level, uint64_t steps) {
  compare(job, records, training::Training::create(job, level), test::oracle_spec(job), steps);
}

// The oracle's network of that name, built by `build`.
void compare_mini(const std::string& name,
                  void (*build)(nn::GraphBuilder&, uint32_t classes),
                  const job::Job& job,
                  const data::MemoryRecords& records,
                  Level level) {
  nn::GraphBuilder builder({job.input_height(), job.input_width(), job.data.channels});
  build(builder, job.data.classes);
  auto graph = builder.finish();
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  oracle::Spec spec = test::oracle_spec(job);
  spec.model = name;
  compare(job, records, training::Training::create(job, std::move(*graph), level), spec, 3);
}

class Step : public testing::TestWithParam<std::tuple<Level, const char*>> {
 protected:
  void SetUp() override {
    if (!device::level_supported(level())) {
      GTEST_SKIP() << "this CPU lacks " << device::level_name(level());
    }
  }
  Level level() const { return std::get<0>(GetParam()); }
  job::Job job_of(const data::MemoryRecords& records, const std::string& model) const {
    job::Job job = test::synthetic_job(records, model);
    job.format = std::get<1>(GetParam());
    return job;
  }
  void compare_frozen(const std::string& model,
                      const std::vector<std::string>& freeze,
                      const std::string& prefix,
                      bool decoupled = false);
};

TEST_P(Step, Mlp) {
  const auto records = test::synthetic_records({});
  compare(job_of(*records, "mlp"), *records, level(), 4);
}

TEST_P(Step, LenetWithColourAndPad) {
  const auto records = test::synthetic_records({30, 11, 13, 3, 5, 2});
  job::Job job = job_of(*records, "lenet");
  job.preprocess.pad = 2;
  job.label_smoothing = 0.1;
  job.nesterov = true;
  job.lr.schedule = job::Schedule::kStep;
  job.lr.milestones = {0.4, 0.8};
  test::derive_steps(job);
  compare(job, *records, level(), 3);
}

TEST_P(Step, Resnet8WithAugmentation) {
  const auto records = test::synthetic_records({40, 16, 16, 1, 4, 3});
  compare(job_of(*records, "resnet8"), *records, level(), 3);
}

TEST_P(Step, Resnet8OddSizesCarryDecoupled) {
  const auto records = test::synthetic_records({21, 13, 11, 2, 3, 4});
  job::Job job = job_of(*records, "resnet8");
  job.batch = 6;
  job.microbatch = 3;
  job.bn_samples = 9;
  job.decoupled = true;
  job.last_batch = data::LastBatch::kCarry;
  job.epochs = 2;
  job.lr.schedule = job::Schedule::kConstant;
  test::derive_steps(job);
  compare(job, *records, level(), 4);
}

TEST_P(Step, Resnet20) {
  const auto records = test::synthetic_records({16, 8, 8, 3, 4, 5});
  compare(job_of(*records, "resnet20"), *records, level(), 2);
}

TEST_P(Step, FashionSizedResnet8) {
  const auto records = test::synthetic_records({16, 28, 28, 1, 10, 6});
  compare(job_of(*records, "resnet8"), *records, level(), 1);
}

TEST_P(Step, BottlenecksAndPaddedPool) {
  const auto records = test::synthetic_records({40, 21, 19, 3, 5, 7});
  compare_mini(
      "mini_bottleneck", test::mini_bottleneck, job_of(*records, "resnet8"), *records, level());
}

TEST_P(Step, DropoutRepeatAndBiasBeforeBatchNorm) {
  const auto records = test::synthetic_records({40, 8, 8, 3, 5, 8});
  compare_mini("mini_vgg", test::mini_vgg, job_of(*records, "resnet8"), *records, level());
}

TEST_P(Step, GroupsDepthwiseAndRelu6) {
  const auto records = test::synthetic_records({40, 11, 13, 3, 5, 10});
  compare_mini("mini_mobile", test::mini_mobile, job_of(*records, "resnet8"), *records, level());
}

TEST_P(Step, FunctionsConcatenationsAndGroupNorms) {
  const auto records = test::synthetic_records({40, 9, 11, 3, 5, 12});
  compare_mini("mini_gates", test::mini_gates, job_of(*records, "resnet8"), *records, level());
}

TEST_P(Step, PadsAndSoftmaxes) {
  const auto records = test::synthetic_records({40, 9, 11, 3, 5, 13});
  compare_mini("mini_edges", test::mini_edges, job_of(*records, "resnet8"), *records, level());
}

TEST_P(Step, MobilenetV2) {
  const auto records = test::synthetic_records({16, 33, 33, 3, 10, 11});
  job::Job job = job_of(*records, "mobilenet_v2");
  job.batch = job.microbatch = 4;
  job.bn_samples = 4;
  test::derive_steps(job);
  compare(job, *records, level(), 1);
}

TEST_P(Step, Resnet18) {
  const auto records = test::synthetic_records({16, 16, 16, 3, 10, 9});
  job::Job job = job_of(*records, "resnet18");
  job.batch = job.microbatch = 2;
  job.bn_samples = 2;
  test::derive_steps(job);
  compare(job, *records, level(), 1);
}

// Every other network's way of freezing: the engine leaves out the gradients that nothing needs,
// the oracle computes all of them.
void Step::compare_frozen(const std::string& model,
                          const std::vector<std::string>& freeze,
                          const std::string& prefix,
                          bool decoupled) {
  const auto records = test::synthetic_records({40, 16, 16, 1, 4, 3});
  job::Job job = job_of(*records, model);
  job.weight_decay = 0.01;
  job.decoupled = decoupled;
  job.freeze = freeze;
  job.groups = {{{prefix + "*"}, 7.3}};
  compare(job,
          *records,
          training::Training::create(job, level()),
          test::oracle_spec(job),
          2,
          [&](std::vector<oracle::Parameter>& all) {
            for (oracle::Parameter& p : all) {
              for (const std::string& pattern : freeze) {
                const bool rest = pattern.back() == '*';
                const std::string start = pattern.substr(0, pattern.size() - (rest ? 1 : 0));
                p.frozen = p.frozen || (rest ? p.name.starts_with(start) : p.name == start);
              }
              if (p.name.starts_with(prefix)) p.rate_scale = 7.3F;
            }
          });
}

TEST_P(Step, FrozenTrunk) { compare_frozen("resnet8", {"conv1*", "bn1*", "layer*"}, "fc"); }

TEST_P(Step, FrozenWeightsOfALayerThatPassesGradientsOn) {
  compare_frozen("resnet8", {"layer2.0.conv2.weight", "layer3.0.bn1*"}, "layer3", true);
}

TEST_P(Step, FrozenBranch) {
  compare_frozen("resnet8", {"conv1*", "bn1*", "layer1*", "layer2.0.downsample*"}, "fc");
}

TEST_P(Step, FrozenFirstLayersWithBias) {
  compare_frozen("lenet", {"conv1.weight", "conv2*", "fc1.weight"}, "fc3");
}

TEST_P(Step, FrozenAllButABias) {
  compare_frozen("mlp", {"fc1*", "fc2*", "fc3.weight"}, "fc3.bias");
}

INSTANTIATE_TEST_SUITE_P(
    Levels,
    Step,
    testing::Combine(testing::ValuesIn(device::all_levels()), testing::Values("dfp14", "dfp16")),
    [](const auto& one) {
      return concat(device::level_name(std::get<0>(one.param)), "_", std::get<1>(one.param));
    });

}  // namespace
}  // namespace ginn
