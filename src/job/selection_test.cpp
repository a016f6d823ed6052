#include "job/selection.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/text.h"
#include "nn/models.h"

namespace ginn::job {
namespace {

Job plain_job() {
  Job job;
  job.model = "resnet8";
  job.data = {60000, 28, 28, 1, 10, {}};
  job.mean = {0.5};
  job.std = {0.25};
  job.steps = 468;
  return job;
}

Job transfer_job() {
  Job job = plain_job();
  job.weights = StartWeights{{}, {"fc.*"}};
  job.weights->sha256.fill(0xa5);
  job.freeze = {"conv1.weight", "layer?.*"};
  job.groups = {{{"fc.weight", "fc.bias"}, 10.0}, {{"bn1.*"}, 0.5}};
  return job;
}

std::string code_of(const std::string& text) {
  const Result<Job> job = parse(text);
  return job.ok() ? "" : job.error().code;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(Matches, AsAShellDoes) {
  EXPECT_TRUE(matches("fc.weight", "fc.weight"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("layer1.*", "layer1.0.conv1.weight")) << "dots, too";
  EXPECT_TRUE(matches("*.bn?.*", "layer1.0.bn2.bias"));
  EXPECT_TRUE(matches("*a*b*c", "xaaybbzbc"));
  EXPECT_TRUE(matches("a**", "a"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_FALSE(matches("fc", "fc.weight")) << "all of it";
  EXPECT_FALSE(matches("*.weigh", "fc.weight"));
  EXPECT_FALSE(matches("layer1.*", "layer2.0.conv1.weight"));
  EXPECT_FALSE(matches("fc.[wb]*", "fc.weight")) << "no sets";
}

TEST(Matches, TakesNoLongForAnyPattern) {
  const std::string name(256, 'a');
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", name));
}

TEST(TransferJob, GoldenBytesAndDigest) {
  const std::string plain = canonical(plain_job());
  const std::string text = canonical(transfer_job());
  std::string expected =
      replaced(plain,
               R"("model":{"name":"resnet8"})",
               concat(R"("model":{"name":"resnet8","weights":{"except":["fc.*"],"sha256":"sha256:)",
                      crypto::hex(transfer_job().weights->sha256),
                      R"("}})"));
  expected = replaced(expected,
                      R"("label_smoothing")",
                      R"("freeze":["conv1.weight","layer?.*"],)"
                      R"("groups":[{"lr_scale":10,"parameters":["fc.weight","fc.bias"]},)"
                      R"({"lr_scale":0.5,"parameters":["bn1.*"]}],"label_smoothing")");
  EXPECT_EQ(text, expected);
  const Result<Job> parsed = parse(text);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(canonical(*parsed), text);
  EXPECT_EQ(digest(*parsed), digest(transfer_job()));
}

TEST(TransferJob, EveryPartChangesTheDigest) {
  const std::vector<std::function<void(Job&)>> changes = {
      [](Job& job) { job.weights.reset(); },
      [](Job& job) { job.weights->sha256[31] ^= 1; },
      [](Job& job) { job.weights->except = {"fc.bias"}; },
      [](Job& job) { job.freeze.pop_back(); },
      [](Job& job) { job.groups.pop_back(); },
      [](Job& job) { job.groups[0].lr_scale = 9; },
      [](Job& job) { job.groups[0].parameters.pop_back(); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    Job job = transfer_job();
    changes[i](job);
    EXPECT_NE(digest(job), digest(transfer_job())) << i;
    EXPECT_EQ(code_of(canonical(job)), "") << i;
  }
}

TEST(TransferJob, FieldsAreExact) {
  const std::string text = canonical(transfer_job());
  const auto code = [&](std::string_view from, std::string_view to) {
    return code_of(replaced(text, from, to));
  };
  EXPECT_EQ(code(R"("except":["fc.*"],)", ""), "json_field");
  EXPECT_EQ(code(R"("except":["fc.*"])", R"("except":[1])"), "json_field");
  EXPECT_EQ(code(R"("except":["fc.*"])", R"("except":"fc.*")"), "json_field");
  EXPECT_EQ(code(R"("except":["fc.*"])", R"("except":["fc.*"],"more":1)"), "json_field");
  EXPECT_EQ(code(R"("sha256":"sha256:a5)", R"("sha256":"sha256:A5)"), "json_field");
  EXPECT_EQ(code(R"("freeze":["conv1.weight",)", R"("freeze":[0,)"), "json_field");
  EXPECT_EQ(code(R"("lr_scale":10,)", ""), "json_field");
  EXPECT_EQ(code(R"("lr_scale":10)", R"("lr_scale":"10")"), "json_field");
  EXPECT_EQ(code(R"("groups":[)", R"("groups":[[],)"), "json_field");
  EXPECT_EQ(code(R"("groups":[)", R"("groop":[)"), "json_field");
  // What is not used is not there: an empty list would be a second spelling of the same job.
  const std::string plain = canonical(plain_job());
  EXPECT_EQ(code_of(plain), "");
  for (const char* empty :
       {R"("freeze":[],"label_smoothing")", R"("groups":[],"label_smoothing")"}) {
    EXPECT_EQ(code_of(replaced(plain, R"("label_smoothing")", empty)), "job_not_canonical");
  }
}

TEST(Select, SaysWhatEachPatternMeans) {
  const Job job = transfer_job();
  const nn::Graph graph = nn::build_model("resnet8", 28, 28, 1, 10).value();
  const Selection selected = select(job, graph);
  const Selection plain = select(plain_job(), graph);
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const std::string& name = graph.parameters()[p].name;
    const bool head = name.starts_with("fc.");
    const bool first = name.starts_with("bn1.");
    EXPECT_EQ(selected.frozen[p], !head && !first) << name;
    EXPECT_EQ(selected.fresh[p], head) << name;
    EXPECT_EQ(selected.rate_scales[p], head ? 10.0f : first ? 0.5f : 1.0f) << name;
    EXPECT_FALSE(plain.frozen[p]);
    EXPECT_TRUE(plain.fresh[p]);
    EXPECT_EQ(plain.rate_scales[p], 1.0f);
  }
}

struct Wrong {
  void (*change)(Job&);
  std::string_view key, says;
};

TEST(CheckSelection, NamesTheKeyAndThePattern) {
  const Wrong all[] = {
      {[](Job& j) { j.freeze = {"lyer1.*"}; }, "train.freeze", "\"lyer1.*\" matches no parameter"},
      {[](Job& j) { j.freeze = {"*"}; }, "train.freeze", "nothing is left"},
      {[](Job& j) { j.freeze = {""}; }, "train.freeze", "1 to 128"},
      {[](Job& j) { j.freeze = {std::string(129, 'x')}; }, "train.freeze", "1 to 128"},
      {[](Job& j) { j.freeze = {"conv1 *"}; }, "train.freeze", "without spaces"},
      {[](Job& j) { j.freeze = {"conv1\x01*"}; }, "train.freeze", "without spaces"},
      {[](Job& j) { j.freeze = {"conv1\x7f*"}; }, "train.freeze", "without spaces"},
      {[](Job& j) { j.freeze.assign(101, "conv1.*"); }, "train.freeze", "found 101 patterns"},
      {[](Job& j) {
         j.groups = {{{}, 2}};
       },
       "train.groups.parameters",
       "at least one"},
      {[](Job& j) {
         j.groups = {{{"x*"}, 2}};
       },
       "train.groups.parameters",
       "\"x*\" matches no"},
      {[](Job& j) {
         j.groups = {{{"fc.*"}, 0}};
       },
       "train.groups.lr_scale",
       "found 0;"},
      {[](Job& j) {
         j.groups = {{{"fc.*"}, 1001}};
       },
       "train.groups.lr_scale",
       "found 1001;"},
      {[](Job& j) {
         j.freeze = {"fc.*"};
         j.groups = {{{"fc.*"}, 2}};
       },
       "train.groups.parameters",
       "frozen"},
      {[](Job& j) {
         j.groups = {{{"fc.*"}, 2}, {{"fc.bias"}, 3}};
       },
       "train.groups.parameters",
       "fc.bias is in more than one group"},
      {[](Job& j) {
         j.weights = StartWeights{{}, {"head.*"}};
       },
       "model.weights_except",
       "head.*"},
      {[](Job& j) {
         j.weights = StartWeights{{}, {"*"}};
       },
       "model.weights_except",
       "every"},
  };
  for (const Wrong& wrong : all) {
    Job job = plain_job();
    ASSERT_TRUE(validate(job).empty());
    wrong.change(job);
    const auto problems = validate(job);
    ASSERT_EQ(problems.size(), 1u) << wrong.says;
    EXPECT_EQ(problems[0].key, wrong.key);
    EXPECT_NE(problems[0].message.find(wrong.says), std::string::npos) << problems[0].message;
  }
}

TEST(CheckSelection, TheLargestListsFit) {
  Job job = plain_job();
  job.freeze.assign(100, "\"\\" + std::string(125, '*') + "?");
  EXPECT_LT(canonical(job).size(), size_t{1} << 16) << "what a job frame takes";
  job.freeze.assign(100, "conv1.*");
  EXPECT_TRUE(validate(job).empty());
  EXPECT_EQ(code_of(canonical(job)), "");
}

}  // namespace
}  // namespace ginn::job
