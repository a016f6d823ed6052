#include "tests/oracle/oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/oracle/reference64.h"

namespace ginn::oracle {
namespace {

Spec make_spec(const std::string& model, uint32_t side, uint32_t channels, uint32_t classes) {
  Spec spec;
  spec.model = model;
  spec.height = spec.width = side;
  spec.channels = channels;
  spec.classes = classes;
  spec.microbatch = 4;
  spec.microbatches = 1;
  spec.mean.assign(channels, 0.2860);
  spec.std.assign(channels, 0.3530);
  spec.clip_norm = 0.5;
  spec.momentum = 0.9;
  spec.seed = 7;
  return spec;
}

struct Sample {
  std::vector<uint8_t> images;
  std::vector<uint32_t> labels;
};

// Noise over a bright stripe whose place is the label.
Sample make_sample(const Spec& spec, uint32_t n, uint64_t seed) {
  Sample out;
  const uint32_t size = spec.height * spec.width * spec.channels;
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t label = philox_block(seed, 0, i, 0, 1)[0] % spec.classes;
    out.labels.push_back(label);
    for (uint32_t k = 0; k < size; ++k) {
      const uint32_t noise = philox_block(seed, 0, i, k, 0)[0] % 128;
      const uint32_t stripe = k / spec.channels % spec.width * spec.classes / spec.width;
      out.images.push_back(static_cast<uint8_t>(noise + (stripe == label ? 127 : 0)));
    }
  }
  return out;
}

// Moves gamma, beta and biases off their initial values, so that no formula hides behind 1 or 0,
// and makes one convolution so small that its variance does not drown eps.
void disturb(Oracle& oracle) {
  for (size_t i = 0; i < oracle.parameters().size(); ++i) {
    Parameter& p = oracle.parameters()[i];
    if (p.name == "layer1.0.conv1.weight")
      for (float& w : p.value) w *= 0.003F;
    if (p.init != Init::kOne && p.init != Init::kZero) continue;
    for (size_t k = 0; k < p.value.size(); ++k)
      p.value[k] += 0.3F * std::sin(static_cast<float>(7 * k + 3 * i));
  }
}

TEST(Model, NamesShapesAndInitialisation) {
  const Oracle oracle(make_spec("resnet8", 8, 1, 10));
  const std::vector<Parameter>& p = oracle.parameters();
  ASSERT_EQ(p.size(), 29U);
  EXPECT_EQ(p[0].name, "conv1.weight");
  EXPECT_EQ(p[0].shape, (std::vector<uint64_t>{16, 1, 3, 3}));
  EXPECT_EQ(p[4].name, "layer1.0.bn1.weight");
  EXPECT_EQ(p[15].name, "layer2.0.downsample.0.weight");
  EXPECT_EQ(p[15].shape, (std::vector<uint64_t>{32, 16, 1, 1}));
  EXPECT_EQ(p[16].name, "layer2.0.downsample.1.weight");
  EXPECT_EQ(p[27].name, "fc.weight");
  EXPECT_EQ(p[28].name, "fc.bias");
  double square = 0;
  const Parameter& conv = p[21];  // layer3.0.conv2.weight
  ASSERT_EQ(conv.name, "layer3.0.conv2.weight");
  for (float w : conv.value) square += static_cast<double>(w) * static_cast<double>(w);
  EXPECT_NEAR(square / static_cast<double>(conv.value.size()), 2.0 / (64 * 9), 1e-4);
  const float bound = 1.0F / 8.0F;  // fan_in 64
  for (float w : p[27].value) ASSERT_LE(std::fabs(w), bound);
  EXPECT_EQ(Oracle(make_spec("resnet20", 8, 3, 10)).parameters().size(), 65U);
  EXPECT_EQ(Oracle(make_spec("lenet", 28, 1, 10)).parameters()[4].shape,
            (std::vector<uint64_t>{120, 400}));
}

// The float64 reference against differences of its own loss: it is the judge below.
TEST(Reference, GradientsAreTheSlopesOfTheLoss) {
  for (const std::string model : {"lenet", "resnet8"}) {
    Spec spec = make_spec(model, 12, 2, 3);
    spec.label_smoothing = 0.1;
    Oracle oracle(spec);
    disturb(oracle);
    const Sample sample = make_sample(spec, 2, 5);
    std::vector<Parameter> parameters = oracle.parameters();
    const auto gradients = reference_gradients(spec, parameters, sample.images, sample.labels);
    for (size_t p = 0; p < parameters.size(); ++p) {
      const auto largest =
          std::max_element(gradients[p].begin(), gradients[p].end(), [](double a, double b) {
            return std::fabs(a) < std::fabs(b);
          });
      const size_t k = static_cast<size_t>(largest - gradients[p].begin());
      float& w = parameters[p].value[k];
      const float kept = w, low = w - 0x1p-18F, high = w + 0x1p-18F;
      w = low;
      const double before = reference_step(spec, parameters, sample.images, sample.labels).loss;
      w = high;
      const double after = reference_step(spec, parameters, sample.images, sample.labels).loss;
      w = kept;
      const double slope =
          (after - before) / (static_cast<double>(high) - static_cast<double>(low));
      EXPECT_NEAR(slope / *largest, 1.0, 0.01) << model << " " << parameters[p].name;
    }
  }
}

struct Case {
  const char* model;
  uint32_t side, channels, n;
  double bound;  // of the relative error of every parameter's gradient, about twice the measured
};

class Gradients : public testing::TestWithParam<Case> {};

TEST_P(Gradients, AgreeWithFloat64) {
  const Case& at = GetParam();
  Spec spec = make_spec(at.model, at.side, at.channels, 10);
  spec.label_smoothing = 0.05;
  Oracle oracle(spec);
  disturb(oracle);
  const Sample sample = make_sample(spec, at.n, 3);
  ASSERT_TRUE(oracle.contribution(sample.images, sample.labels)) << oracle.failure();
  const ReferenceStep step =
      reference_step(spec, oracle.parameters(), sample.images, sample.labels, &oracle.tensors());
  EXPECT_NEAR(std::ldexp(static_cast<double>(oracle.loss_fixed()), -24) / at.n,
              step.loss,
              2e-3 * step.loss);
  uint32_t correct = 0;
  for (uint32_t i = 0; i < at.n; ++i) {
    const auto row = step.logits.begin() + i * 10;
    correct += std::max_element(row, row + 10) - row == sample.labels[i] ? 1 : 0;
  }
  EXPECT_EQ(oracle.correct(), correct);
  for (size_t p = 0; p < step.gradients.size(); ++p) {
    const double error = relative_error(oracle.gradients()[p], step.gradients[p]);
    EXPECT_LT(error, at.bound) << oracle.parameters()[p].name;
    RecordProperty(oracle.parameters()[p].name, std::to_string(error));
  }
}

INSTANTIATE_TEST_SUITE_P(Models,
                         Gradients,
                         testing::Values(Case{"mlp", 12, 1, 8, 0.0015},
                                         Case{"lenet", 28, 1, 4, 0.002},
                                         Case{"resnet8", 28, 1, 4, 0.008},
                                         Case{"resnet8", 9, 3, 3, 0.006},
                                         Case{"resnet20", 10, 2, 3, 0.02}),
                         [](const auto& one) {
                           return std::string(one.param.model) + "_" +
                                  std::to_string(one.param.side);
                         });

// The values of a contribution, by parameter.
std::vector<std::vector<double>> values_of(const std::vector<uint8_t>& bytes,
                                           const std::vector<Parameter>& parameters) {
  std::vector<std::vector<double>> out;
  size_t at = 0;
  for (const Parameter& p : parameters) {
    const int e = static_cast<int8_t>(bytes[at++]);
    out.emplace_back();
    for (size_t i = 0; i < p.value.size(); ++i, at += 2) {
      const int q = static_cast<int16_t>(bytes[at] | (bytes[at + 1] << 8));
      out.back().push_back(std::ldexp(static_cast<double>(q), e));
    }
  }
  return out;
}

TEST(Contribution, NormIsAtMostTheBoundAndClose) {
  for (double bound : {1e-3, 0.37, 1e6}) {
    Spec spec = make_spec("resnet8", 8, 1, 4);
    spec.clip_norm = bound;
    Oracle oracle(spec);
    const Sample sample = make_sample(spec, 4, 11);
    const auto bytes = oracle.contribution(sample.images, sample.labels);
    ASSERT_TRUE(bytes);
    EXPECT_TRUE(oracle.form_ok(*bytes));
    EXPECT_TRUE(oracle.norm_ok(*bytes));
    double unclipped = 0, clipped = 0;
    const auto values = values_of(*bytes, oracle.parameters());
    for (size_t p = 0; p < values.size(); ++p)
      for (size_t i = 0; i < values[p].size(); ++i) {
        const double g = static_cast<double>(oracle.gradients()[p][i]);
        ASSERT_LE(std::fabs(values[p][i]), std::fabs(g));  // toward zero
        unclipped += g * g;
        clipped += values[p][i] * values[p][i];
      }
    const double expected = std::min(bound, std::sqrt(unclipped));
    EXPECT_NEAR(std::sqrt(clipped) / expected, 1.0, 2e-3);
    EXPECT_LE(std::sqrt(clipped), expected);
  }
}

TEST(Contribution, FormAndNormTestsRefuse) {
  Spec spec = make_spec("mlp", 4, 1, 3);
  Oracle oracle(spec);
  const Sample sample = make_sample(spec, 4, 11);
  const std::vector<uint8_t> good = oracle.contribution(sample.images, sample.labels).value();
  ASSERT_TRUE(oracle.norm_ok(good));
  std::vector<uint8_t> bad(good.begin(), good.end() - 1);
  EXPECT_FALSE(oracle.form_ok(bad));
  bad = good;
  bad[0] = 21;
  EXPECT_FALSE(oracle.form_ok(bad));
  bad[0] = 256 - 41;
  EXPECT_FALSE(oracle.form_ok(bad));
  bad = good;
  bad[1] = 0x00;
  bad[2] = 0x80;  // -32768
  EXPECT_FALSE(oracle.form_ok(bad));
  EXPECT_FALSE(oracle.accumulate(bad));
  bad = good;
  bad[0] = 20;  // squares 4^60: past 128 bits with enough elements, refused all the same
  EXPECT_TRUE(oracle.form_ok(bad));
  EXPECT_FALSE(oracle.norm_ok(bad));
  bad.assign(good.size(), 0);  // all zero, exponents 0
  EXPECT_FALSE(oracle.form_ok(bad));
  size_t at = 0;
  for (const Parameter& p : oracle.parameters()) {
    bad[at] = 256 - 40;
    at += 1 + 2 * p.value.size();
  }
  EXPECT_TRUE(oracle.norm_ok(bad));
}

// The boundary itself: C = 3 * 2^-40 against the one element q = 3 or 4.
TEST(Contribution, NormTestIsExactAtItsBoundary) {
  Spec spec = make_spec("mlp", 4, 1, 3);
  spec.clip_norm = std::ldexp(3.0, -40);
  Oracle oracle(spec);
  std::vector<uint8_t> bytes;
  for (const Parameter& p : oracle.parameters()) {
    bytes.push_back(256 - 40);
    bytes.insert(bytes.end(), 2 * p.value.size(), 0);
  }
  bytes[1] = 3;
  EXPECT_TRUE(oracle.norm_ok(bytes));
  bytes[3] = 1;
  EXPECT_FALSE(oracle.norm_ok(bytes));
  bytes[3] = 0;
  bytes[bytes.size() - 2] = 1;  // in the last tensor
  EXPECT_FALSE(oracle.norm_ok(bytes));
  bytes[bytes.size() - 2] = 0;
  bytes[1] = 4;
  bytes[3] = 0;
  EXPECT_FALSE(oracle.norm_ok(bytes));
}

TEST(Step, FailsByName) {
  Spec spec = make_spec("resnet8", 8, 1, 4);
  const Sample sample = make_sample(spec, 2, 1);
  Oracle weight(spec);
  weight.parameters()[3].value[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(weight.contribution(sample.images, sample.labels));
  EXPECT_EQ(weight.failure(), "layer1.0.conv1.weight");
  Oracle huge(spec);
  huge.parameters()[1].value[0] = 3e38F;  // bn1's gamma
  EXPECT_FALSE(huge.contribution(sample.images, sample.labels));
  EXPECT_EQ(huge.failure(), "conv1.activate");
  Oracle momentum(spec);
  momentum.parameters()[2].velocity[5] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(momentum.apply(0.1F));
  EXPECT_EQ(momentum.failure(), "bn1.bias");
  Oracle sizes(spec);
  EXPECT_FALSE(sizes.contribution(sample.images, {0}));
  EXPECT_FALSE(sizes.contribution(sample.images, {0, 4}));
  EXPECT_FALSE(Oracle(make_spec("vgg", 8, 1, 4)).contribution(sample.images, sample.labels));
}

// One step of section 8 by hand on one element: the mean over M contributions, decay, momentum.
TEST(Step, OptimiserFollowsSgd) {
  for (int variant = 0; variant < 4; ++variant) {
    Spec spec = make_spec("mlp", 4, 1, 3);
    spec.microbatches = 2;
    spec.weight_decay = 0.01;
    spec.nesterov = (variant & 1) != 0;
    spec.decoupled = (variant & 2) != 0;
    Oracle oracle(spec);
    const Sample first = make_sample(spec, 4, 1), second = make_sample(spec, 4, 2);
    double g = 0;
    for (const Sample* sample : {&first, &second}) {
      const auto bytes = oracle.contribution(sample->images, sample->labels);
      ASSERT_TRUE(bytes);
      const int q = static_cast<int16_t>((*bytes)[1] | ((*bytes)[2] << 8));
      g += std::ldexp(static_cast<double>(q), static_cast<int8_t>((*bytes)[0])) / 2;
      ASSERT_TRUE(oracle.accumulate(*bytes));
    }
    Parameter& p = oracle.parameters()[0];
    p.velocity[0] = 0.125F;
    const double w = static_cast<double>(p.value[0]);
    const double decayed = g + (spec.decoupled ? 0 : 0.01 * w);
    const double v = 0.9 * 0.125 + decayed;
    const double d = spec.nesterov ? 0.9 * v + decayed : v;
    ASSERT_TRUE(oracle.apply(0.25F));
    EXPECT_NEAR(static_cast<double>(p.velocity[0]), v, 1e-7);
    const double shrunk = spec.decoupled ? w * (1 - 0.25 * 0.01) : w;
    EXPECT_NEAR(static_cast<double>(p.value[0]), shrunk - 0.25 * d, 1e-7);
    ASSERT_TRUE(oracle.apply(0.0F));  // the sum is empty again
    EXPECT_NEAR(static_cast<double>(p.velocity[0]),
                0.9 * v + (spec.decoupled ? 0 : 0.01 * (shrunk - 0.25 * d)),
                1e-6);
  }
}

TEST(Step, OrderOfContributionsDoesNotMatter) {
  Spec spec = make_spec("resnet8", 8, 1, 4);
  spec.microbatches = 3;
  Oracle forwards(spec), backwards(spec);
  std::vector<std::vector<uint8_t>> parts;
  for (uint64_t i = 0; i < 3; ++i) {
    const Sample sample = make_sample(spec, 4, i);
    parts.push_back(forwards.contribution(sample.images, sample.labels).value());
  }
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(forwards.accumulate(parts[i]));
    ASSERT_TRUE(backwards.accumulate(parts[2 - i]));
  }
  const std::vector<uint8_t> before = forwards.state_bytes();
  ASSERT_TRUE(forwards.apply(0.1F) && backwards.apply(0.1F));
  EXPECT_EQ(forwards.state_bytes(), backwards.state_bytes());
  EXPECT_NE(forwards.state_bytes(), before);
}

void expect_learning(const Spec& spec, float lr, int steps) {
  Oracle oracle(spec);
  double first = 0, last = 0;
  for (int t = 0; t < steps; ++t) {
    double loss = 0;
    for (uint32_t j = 0; j < spec.microbatches; ++j) {
      const Sample sample = make_sample(spec, spec.microbatch, t * spec.microbatches + j);
      const auto bytes = oracle.contribution(sample.images, sample.labels);
      ASSERT_TRUE(bytes) << oracle.failure();
      ASSERT_TRUE(oracle.norm_ok(*bytes));
      ASSERT_TRUE(oracle.accumulate(*bytes));
      loss += std::ldexp(static_cast<double>(oracle.loss_fixed()), -24);
    }
    if (t < 3) first += loss;
    if (t >= steps - 3) last += loss;
    ASSERT_TRUE(oracle.apply(lr));
  }
  EXPECT_LT(last, 0.5 * first);
}

TEST(Training, LossFalls) {
  Spec mlp = make_spec("mlp", 6, 1, 3);
  mlp.microbatches = 2;
  expect_learning(mlp, 0.1F, 30);
  Spec resnet = make_spec("resnet8", 6, 1, 3);
  resnet.microbatch = 8;
  expect_learning(resnet, 0.05F, 30);
}

// Statistics of one microbatch, then the same images evaluated: up to var's m / (m - 1), the
// training-mode logits, which the reference knows.
TEST(Evaluation, UsesTheStatistics) {
  Spec spec = make_spec("resnet8", 16, 1, 5);
  spec.microbatch = 16;
  Oracle oracle(spec);
  disturb(oracle);
  const Sample sample = make_sample(spec, 16, 21);
  EXPECT_FALSE(oracle.evaluate_logits(sample.images));
  oracle.begin_statistics();
  EXPECT_FALSE(oracle.finish_statistics());
  ASSERT_TRUE(oracle.add_statistics(sample.images));
  ASSERT_TRUE(oracle.add_statistics(sample.images));
  ASSERT_TRUE(oracle.finish_statistics());
  EXPECT_EQ(oracle.running().size(), 9U);
  EXPECT_EQ(oracle.running().at("layer3.0.downsample.1").mean.size(), 64U);
  const auto logits = oracle.evaluate_logits(sample.images);
  ASSERT_TRUE(logits);
  const ReferenceStep step =
      reference_step(spec, oracle.parameters(), sample.images, sample.labels);
  EXPECT_LT(relative_error(*logits, step.logits), 0.01);
  // The last microbatch is shorter.
  const std::vector<uint8_t> more(sample.images.begin(), sample.images.begin() + 3 * 256);
  std::vector<uint8_t> seventeen = sample.images;
  seventeen.insert(seventeen.end(), more.begin(), more.begin() + 256);
  EXPECT_EQ(oracle.evaluate_logits(seventeen)->size(), 17U * 5U);
}

}  // namespace
}  // namespace ginn::oracle
