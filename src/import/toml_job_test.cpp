#include "import/toml_job_cases.h"
#include "nn/models.h"

namespace ginn::import::cases {
namespace {

TEST(TomlJob, SmallestFileTakesEveryDefault) {
  const auto resolved = resolve(kSmallest);
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  job::Job expected;
  expected.model = "resnet8";
  expected.data = fashion();
  expected.mean = {0.5};
  expected.std = {0.5};
  expected.epochs = 4;
  expected.steps = 1872;
  expected.lr.peak = 0.2;
  EXPECT_EQ(job::canonical(resolved->job), job::canonical(expected));
  EXPECT_EQ(resolved->train_path, "train");
  EXPECT_EQ(resolved->test_path, "");
  EXPECT_FALSE(resolved->has_root);
}

// Whether a model takes the images is known only with the data.
TEST(TomlJob, EveryModelWithImagesThatItTakes) {
  data::DatasetFacts facts = fashion();
  facts.height = facts.width = 32;
  for (std::string_view name : nn::model_names()) {
    std::string text(kSmallest);
    const size_t at = text.find("resnet8");
    ASSERT_NE(at, std::string::npos);
    text.replace(at, std::string_view("resnet8").size(), name);
    const auto file = parse_job_file(text, "job.toml");
    ASSERT_TRUE(file.ok()) << name << ": " << file.error().message;
    const auto resolved = resolve_job(*file, facts);
    EXPECT_TRUE(resolved.ok()) << name << ": " << resolved.error().message;
    if (!name.starts_with("vgg")) continue;
    const auto small = resolve_job(*file, fashion());
    ASSERT_FALSE(small.ok());
    EXPECT_NE(small.error().message.find("does not take images of 28 x 28 x 1"), std::string::npos)
        << small.error().message;
  }
}

TEST(TomlJob, EveryKeyReachesTheJob) {
  const std::string text = R"(
model.name = "resnet20"
[data]
train = "a/train"
test = "a/test"
root = ")" + crypto::tagged(fashion().root()) +
                           R"("
pad = 2
mean = [0.25]
std = [1]
[augment]
crop = 3
flip = true
[train]
epochs = 2
batch = 64
microbatch = 16
last_batch = "carry"
optimizer = "sgd"
momentum = 0.8
nesterov = true
weight_decay = 1e-3
decoupled = true
clip_norm = 2
label_smoothing = 0.1
seed = 7
bn_samples = 160
lr = { schedule = "step", peak = 1, warmup = 0.25, milestones = [0.5, 0.75], gamma = 0.5 }
[integrity]
probability = 0.99
budget = 24
verify = "all"
verify_last = 0.125
lives = 1
nonce = "n"
[arithmetic]
format = "dfp14"
)";
  const auto resolved = resolve(text);
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  job::Job expected;
  expected.model = "resnet20";
  expected.data = fashion();
  expected.preprocess = {2, 3, true};
  expected.mean = {0.25};
  expected.std = {1};
  expected.epochs = 2;
  expected.steps = 1875;
  expected.batch = 64;
  expected.microbatch = 16;
  expected.last_batch = data::LastBatch::kCarry;
  expected.momentum = 0.8;
  expected.nesterov = true;
  expected.weight_decay = 1e-3;
  expected.decoupled = true;
  expected.clip_norm = 2;
  expected.label_smoothing = 0.1;
  expected.seed = 7;
  expected.bn_samples = 160;
  expected.lr = {job::Schedule::kStep, 1, 0.25, {0.5, 0.75}, 0.5};
  expected.probability = 0.99;
  expected.budget = {false, 0, 24};
  expected.verify_last = 0.125;
  expected.verify = guarantee::Verify::kAll;
  expected.nonce = "n";
  EXPECT_EQ(job::canonical(resolved->job), job::canonical(expected));
  EXPECT_EQ(resolved->train_path, "a/train");
  EXPECT_EQ(resolved->test_path, "a/test");
  EXPECT_TRUE(resolved->has_root);
}

TEST(TomlJob, ResolvedJobsAreAcceptedByTheirParser) {
  const auto resolved = resolve(kSmallest);
  const std::string bytes = job::canonical(resolved->job);
  const auto parsed = job::parse(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(job::digest(*parsed), job::digest(resolved->job));
}

TEST(TomlJob, PathsDoNotChangeTheDigest) {
  std::string moved(kSmallest);
  moved.replace(moved.find("\"train\""), 7, "\"elsewhere\"");
  EXPECT_EQ(job::digest(resolve(moved)->job), job::digest(resolve(kSmallest)->job));
}

TEST(TomlJob, DefaultsFollowTheData) {
  const auto bn_samples = [](uint64_t records, std::string_view batches) {
    data::DatasetFacts facts = fashion();
    facts.records = records;
    std::string text(kSmallest);
    text.insert(text.find("epochs"), std::string(batches));
    const auto resolved = resolve(text, facts);
    EXPECT_TRUE(resolved.ok()) << resolved.error().message;
    return resolved.ok() ? resolved->job.bn_samples : 0;
  };
  EXPECT_EQ(bn_samples(60000, ""), 2048u);
  EXPECT_EQ(bn_samples(1000, ""), 992u);
  EXPECT_EQ(bn_samples(60000, "batch = 300\nmicrobatch = 100\n"), 2000u);
  EXPECT_EQ(bn_samples(60000, "batch = 4096\nmicrobatch = 4096\n"), 4096u);
  data::DatasetFacts facts = fashion();
  facts.channels = 3;
  EXPECT_EQ(resolve(kSmallest, facts)->job.mean, (std::vector<double>{0.5, 0.5, 0.5}));
  EXPECT_EQ(resolve(kSmallest, facts)->job.std, (std::vector<double>{0.5, 0.5, 0.5}));
}

TEST(TomlJob, HowManyStepsIsForTheDataToSay) {
  std::string text(kSmallest);
  text.replace(text.find("epochs = 4"), 10, "epochs = 100000");
  data::DatasetFacts few = fashion();
  few.records = 1024;
  const auto job = resolve(text, few);
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->job.steps, 800'000u);
  const auto long_job = resolve(text);
  ASSERT_FALSE(long_job.ok());
  EXPECT_NE(long_job.error().message.find("train.steps"), std::string::npos);
  EXPECT_NE(long_job.error().message.find("46800000"), std::string::npos);
}

TEST(TomlJob, NegativeZeroIsZero) {
  std::string text(kSmallest);
  text.insert(text.find("epochs"), "momentum = -0.0\n");
  const auto resolved = resolve(text);
  ASSERT_TRUE(resolved.ok());
  EXPECT_EQ(job::canonical(*job::parse(job::canonical(resolved->job))),
            job::canonical(resolved->job));
}

constexpr std::string_view kTransfer = R"([model]
name = "resnet8"
weights = "mnist/model.safetensors"
weights_except = ["fc.*"]
[data]
train = "train"
[train]
epochs = 4
freeze = ["conv1.weight", "bn1.*", "layer*"]
[[train.groups]]
parameters = ["fc.weight"]
lr_scale = 10
[[train.groups]]
parameters = ["fc.bias"]
[train.lr]
peak = 0.2
)";

// kTransfer with its first `from` replaced.
std::string transfer_with(std::string_view from, std::string_view to) {
  std::string text(kTransfer);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(TomlTransfer, ReachesTheJob) {
  const auto file = parse_job_file(kTransfer, "job.toml");
  ASSERT_TRUE(file.ok()) << file.error().message;
  crypto::Digest found{};
  found.fill(7);
  const auto resolved = resolve_job(*file, fashion(), found);
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  EXPECT_EQ(resolved->weights_path, "mnist/model.safetensors");
  EXPECT_FALSE(resolved->has_weights_digest);
  const job::Job& job = resolved->job;
  EXPECT_EQ(job.weights->sha256, found);
  EXPECT_EQ(job.weights->except, std::vector<std::string>{"fc.*"});
  EXPECT_EQ(job.freeze, (std::vector<std::string>{"conv1.weight", "bn1.*", "layer*"}));
  ASSERT_EQ(job.groups.size(), 2u);
  EXPECT_EQ(job.groups[0].parameters, std::vector<std::string>{"fc.weight"});
  EXPECT_EQ(job.groups[0].lr_scale, 10.0);
  EXPECT_EQ(job.groups[1].lr_scale, 1.0);
  EXPECT_TRUE(job::parse(job::canonical(job)).ok());
}

TEST(TomlTransfer, TheDigestStandsForTheFile) {
  crypto::Digest named{}, other{};
  named.fill(7);
  const std::string text = transfer_with(
      "weights_except", "weights_digest = \"" + crypto::tagged(named) + "\"\nweights_except");
  const auto file = parse_job_file(text, "job.toml");
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto with = resolve_job(*file, fashion(), named);
  const auto without = resolve_job(*file, fashion());
  ASSERT_TRUE(with.ok() && without.ok());
  EXPECT_TRUE(with->has_weights_digest);
  EXPECT_EQ(job::digest(with->job), job::digest(without->job));
  const auto wrong = resolve_job(*file, fashion(), other);
  ASSERT_FALSE(wrong.ok());
  EXPECT_STREQ(wrong.error().code, "weights_digest");
  EXPECT_NE(wrong.error().message.find("job.toml:4: model.weights_digest"), std::string::npos)
      << wrong.error().message;
}

TEST(TomlTransfer, PatternsThatMatchNothingGetTheNearestNames) {
  const std::string freeze = parse_message(transfer_with("layer*", "lyer2.*"));
  EXPECT_NE(freeze.find("job.toml:9: train.freeze: \"lyer2.*\" matches no parameter of resnet8"),
            std::string::npos)
      << freeze;
  EXPECT_NE(freeze.find("layer2.0.conv1.weight"), std::string::npos) << freeze;
  EXPECT_EQ(freeze.find('\n'), std::string::npos) << "told once";
  const std::string head = parse_message(transfer_with("[\"fc.*\"]", "[\"head.*\", \"fd*\"]"));
  EXPECT_NE(head.find("model.weights_except: \"head.*\" matches"), std::string::npos) << head;
  EXPECT_NE(
      head.find("\"fd*\" matches no parameter of resnet8; the nearest are fc.weight, fc.bias"),
      std::string::npos)
      << head;
  const std::string group = parse_message(transfer_with("[\"fc.weight\"]", "[\"fc.wait\"]"));
  EXPECT_NE(group.find("job.toml:10: train.groups.parameters: \"fc.wait\""), std::string::npos)
      << group;
}

TEST(TomlTransfer, WrongTypesNameTheirLines) {
  const auto says = [](std::string_view from, std::string_view to, std::string_view expected) {
    const std::string message = parse_message(transfer_with(from, to));
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  };
  says("lr_scale = 10", "lr_scale = \"10\"", "job.toml:12: train.groups.lr_scale: found a string");
  says("lr_scale = 10", "lr = 10", "job.toml:12: train.groups.lr: unknown key");
  says("lr_scale = 10", "lr_scale = 0", "train.groups.lr_scale: found 0; allowed");
  says("parameters = [\"fc.bias\"]", "", "job.toml:13: train.groups: has no parameters");
  says("freeze = [\"conv1.weight\", ",
       "freeze = [1, ",
       "job.toml:9: train.freeze: found an integer");
  says("weights_except = [\"fc.*\"]", "weights_except = 1", "job.toml:4: model.weights_except");
  says("weights = \"mnist/model.safetensors\"", "", "model.weights_except: it needs model.weights");
  says("weights = \"mnist/model.safetensors\"", "weights = \"\"", "expected a path");
  EXPECT_NE(key_message("train", "groups = 1").find("train.groups: expected at most 100 tables"),
            std::string::npos);
  EXPECT_NE(key_message("train", "groups = [1]").find("found an integer in it"), std::string::npos);
}

TEST(TomlJob, SurvivesDamage) {
  const std::string text = job_template();
  for (size_t at = 0; at < text.size(); at += 3) {
    (void)parse_job_file(text.substr(0, at), "job.toml");
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 0x15);
    const auto file = parse_job_file(changed, "job.toml");
    if (file.ok()) (void)resolve_job(*file, fashion());
  }
}

TEST(JobTemplate, WorksOutOfTheBox) {
  const auto resolved = resolve(job_template());
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  EXPECT_EQ(resolved->job.model, "resnet8");
  EXPECT_EQ(resolved->job.steps, 1872u);
  EXPECT_EQ(resolved->train_path, "/usr/share/datasets/fashion-mnist/train");
  EXPECT_FALSE(resolved->has_root);
}

TEST(TomlJob, AttemptsMayBeUnlimited) {
  const auto with = [&](const std::string& lives) {
    std::string changed = job_template();
    const std::string line = "# lives = 1";
    changed.replace(changed.find(line), line.size(), "lives = " + lives);
    return changed;
  };
  EXPECT_FALSE(resolve(with("2"))->job.unlimited_attempts);
  const auto unlimited = resolve(with("\"unlimited\""));
  ASSERT_TRUE(unlimited.ok()) << unlimited.error().message;
  EXPECT_TRUE(unlimited->job.unlimited_attempts);
  EXPECT_EQ(unlimited->job.lives, 1u);
  EXPECT_FALSE(resolve(with("\"endless\"")).ok());
  EXPECT_FALSE(resolve(with("0")).ok());
}

// The commented lines show the defaults: with them the job is the same, but for those that only
// another schedule uses.
TEST(JobTemplate, CommentedDefaultsAreTheDefaults) {
  std::string text = job_template();
  for (const char* key : {"pad",
                          "last_batch",
                          "optimizer",
                          "nesterov",
                          "decoupled",
                          "label_smoothing",
                          "bn_samples",
                          "gamma",
                          "verify",
                          "verify_last",
                          "lives",
                          "nonce"}) {
    const size_t at = text.find("\n# " + std::string(key) + " = ");
    ASSERT_NE(at, std::string::npos) << key;
    text.erase(at + 1, 2);
  }
  EXPECT_EQ(job::canonical(resolve(text)->job), job::canonical(resolve(job_template())->job));
}

}  // namespace
}  // namespace ginn::import::cases
