#include <gtest/gtest.h>

#include <set>

#include "base/affinity.h"
#include "cli/bench_measure.h"

namespace ginn::cli {
namespace {

using crypto::Json;

BenchOptions small_options() {
  BenchOptions options;
  options.model = "resnet8";
  options.height = options.width = 8;
  options.microbatch = 2;
  options.batch = 4;
  options.seconds = 0.01;
  options.json = true;
  return options;
}

Json run_json(const BenchOptions& options) {
  testing::internal::CaptureStdout();
  const Result<int> code = bench_verb(options);
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(code.ok() && *code == 0);
  auto json = crypto::parse_json(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? std::move(json).value() : Json();
}

const Json* row(const Json& report, std::string_view group, std::string_view name) {
  for (const Json& one : *report.find("results")->as_array()) {
    if (*one.find("group")->as_string() == group && *one.find("name")->as_string() == name) {
      return &one;
    }
  }
  return nullptr;
}

double number(const Json* object, std::string_view key) {
  const Json* value = object == nullptr ? nullptr : object->find(key);
  const double* found = value == nullptr ? nullptr : value->as_number();
  EXPECT_NE(found, nullptr) << key;
  return found == nullptr ? 0.0 : *found;
}

std::string refusal(const BenchOptions& options) {
  testing::internal::CaptureStdout();
  const auto code = bench_verb(options);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  if (code.ok()) return "accepted";
  EXPECT_STREQ(code.error().code, "usage");
  EXPECT_EQ(code.error().kind, ErrorClass::kInput);
  return code.error().message;
}

TEST(Bench, EveryGroupHasPositiveRowsOfOneSchema) {
  const Json report = run_json(small_options());
  EXPECT_FALSE(report.find("machine")->find("cpu")->as_string()->empty());
  EXPECT_GE(number(report.find("machine"), "cores"), 1.0);
  EXPECT_GT(number(report.find("machine"), "memory_copy_gbs"), 0.0);
  EXPECT_GT(number(&report, "peak_memory_bytes"), 1e6);
  std::set<std::string> groups;
  for (const Json& one : *report.find("results")->as_array()) {
    groups.insert(*one.find("group")->as_string());
    const std::string& name = *one.find("name")->as_string();
    const std::string& unit = *one.find("unit")->as_string();
    EXPECT_TRUE(std::set<std::string>({"ms", "GB/s", "GMAC/s", "images/s"}).contains(unit)) << name;
    const bool may_be_negative = name == "(the rest: maps)";  // a difference of two measurements
    EXPECT_TRUE(may_be_negative || number(&one, "value") > 0.0) << name;
  }
  EXPECT_EQ(groups.size(), std::size(kBenchGroups));
}

TEST(Bench, LayersAndTheRestAddUpToTheStep) {
  BenchOptions options = small_options();
  options.only = {"layers", "step"};
  const Json report = run_json(options);
  double sum = 0, share = 0;
  std::set<std::string> names;
  for (const Json& one : *report.find("results")->as_array()) {
    if (one.find("shape") == nullptr) continue;
    EXPECT_TRUE(names.insert(*one.find("name")->as_string()).second);
    const bool first = *one.find("name")->as_string() == "conv1";
    EXPECT_EQ(one.find("dgrad_ms")->is_null(), first);  // nothing reads the images' gradient
    const double dgrad = first ? 0.0 : number(&one, "dgrad_ms");
    const double total = number(&one, "fprop_ms") + dgrad + number(&one, "wgrad_ms");
    EXPECT_NEAR(number(&one, "value"), total, 1e-9 * total);
    sum += total;
    share += number(&one, "share_of_step");
  }
  EXPECT_EQ(names.size(), 10u);  // resnet8: 7 convolutions, 2 shortcuts, a linear layer
  const double step = number(row(report, "step", "contribution"), "value");
  EXPECT_EQ(number(row(report, "layers", "(step: one contribution)"), "value"), step);
  EXPECT_NEAR(number(row(report, "layers", "(all layers)"), "value"), sum, 1e-9 * sum);
  const double rest = number(row(report, "layers", "(the rest: maps)"), "value");
  EXPECT_NEAR(sum + rest, step, 1e-9 * step);
  EXPECT_NEAR(share, sum / step, 1e-9 * share);
  // By hand: 3x3, 8x8, 16 to 16, two images.
  const Json* conv = row(report, "layers", "layer1.0.conv1");
  EXPECT_EQ(*conv->find("shape")->as_string(), "3x3, 8x8, 16 to 16");
  EXPECT_NEAR(number(conv, "gmac"), 2.0 * 8 * 8 * 16 * 16 * 9 * 1e-9, 1e-15);
}

TEST(Bench, OperationsExplainAContribution) {
  BenchOptions options = small_options();
  options.only = {"operations"};
  const Json report = run_json(options);
  double sum = 0;
  size_t operations = 0;
  for (const Json& one : *report.find("results")->as_array()) {
    if (one.find("kind") == nullptr) continue;
    const double total = number(&one, "forward_ms") + number(&one, "backward_ms");
    EXPECT_NEAR(number(&one, "value"), total, 1e-9 * total);
    sum += total;
    ++operations;
  }
  const nn::Graph graph = nn::build_model("resnet8", 8, 8, 1, 10).value();
  EXPECT_EQ(operations, graph.operations().size());
  sum += number(row(report, "operations", "(images read and quantised)"), "value");
  sum += number(row(report, "operations", "(gradient clipped and quantised)"), "value");
  EXPECT_NEAR(number(row(report, "operations", "(all of these)"), "value"), sum, 1e-9 * sum);
  const Json* first = row(report, "operations", "conv1");
  EXPECT_EQ(number(first, "contractions"), 2.0) << "nothing reads the images' gradient";
  EXPECT_EQ(number(first, "input_elements"), 2.0 * 8 * 8);
  EXPECT_EQ(number(first, "output_elements"), 2.0 * 8 * 8 * 16);
  EXPECT_EQ(number(row(report, "operations", "loss"), "output_elements"), 0.0);
}

TEST(Bench, SweepsThreads) {
  BenchOptions options = small_options();
  options.only = {"train"};
  options.threads = {2, 1};
  const Json report = run_json(options);
  ASSERT_EQ(report.find("results")->as_array()->size(), 2u);
  const Json* one = row(report, "train", "training, 1 thread");
  const Json* two = row(report, "train", "training, 2 threads");
  EXPECT_EQ(number(one, "ratio_to_one_thread"), 1.0);
  EXPECT_NEAR(
      number(two, "ratio_to_one_thread"), number(two, "value") / number(one, "value"), 1e-9);
  EXPECT_EQ(number(two, "threads"), 2.0);
}

TEST(Bench, PinnedThreadsAreFreeAfterwards) {
  const std::vector<int> cpus = usable_cpus();
  BenchOptions options = small_options();
  options.only = {"step", "train"};
  options.threads = {1, static_cast<uint32_t>(std::min<size_t>(cpus.size(), 2))};
  options.pin = true;
  EXPECT_GT(number(row(run_json(options), "step", "contribution"), "value"), 0.0);
  EXPECT_EQ(usable_cpus(), cpus);
}

TEST(Bench, PeakNeedsALevelWithALoop) {
  EXPECT_FALSE(measure_int16_peak(device::Level::kPortable).has_value());
  if (!device::level_supported(device::Level::kAvx2)) GTEST_SKIP();
  EXPECT_GT(measure_int16_peak(device::Level::kAvx2).value_or(0), 1.0);
}

TEST(Bench, RefusesWhatItCannotMeasure) {
  BenchOptions options = small_options();
  options.only = {"step", "trian"};
  EXPECT_NE(
      refusal(options).find("no group \"trian\"; the groups are primitives, layers, operations"),
      std::string::npos);
  options = small_options();
  options.only = {"train"};
  options.microbatch = 3;
  EXPECT_NE(refusal(options).find("microbatch"), std::string::npos);
  options = small_options();
  options.only = {"step"};
  options.model = "resnet9";
  EXPECT_NE(refusal(options).find("no model is called \"resnet9\""), std::string::npos);
  options = small_options();
  options.only = {"step"};
  options.height = options.width = 512;
  options.batch = 65536;
  EXPECT_NE(refusal(options).find("lower --batch"), std::string::npos);
}

TEST(Bench, TimesABodyUntilThereIsAMedian) {
  EXPECT_EQ(median({3.0, 1.0, 2.0}), 2.0);
  int calls = 0;
  const auto slow = [&]() -> Status {
    ++calls;
    const double start = wall_seconds();
    while (wall_seconds() - start < 0.002) {
    }
    return ok_status();
  };
  EXPECT_GE(median_seconds(ClockKind::kWall, 0.001, slow).value(), 0.002);
  EXPECT_EQ(calls, 3);  // the first one counts: it is longer than the time there is
  calls = 0;
  const auto failing = [&]() -> Status {
    if (++calls == 2) return input_error("wrong", "");
    return ok_status();
  };
  EXPECT_STREQ(median_seconds(ClockKind::kThread, 10.0, failing).error().code, "wrong");
  EXPECT_EQ(calls, 2);
}

TEST(Bench, TextAlignsItsColumns) {
  BenchReport report;
  report.machine.cpu = "some CPU";
  report.results = {
      {"layers", "conv1", 1.5, "ms", {{"shape", "1x1"}, {"dgrad_ms", Json()}, {"share_x", 0.25}}},
      {"layers", "a longer name", 1234.0, "ms", {{"shape", "3x3, 8x8"}, {"dgrad_ms", 20.0}}},
      {"step", "contribution", 3.0, "ms", {}}};
  const std::string text = bench_text(report);
  EXPECT_NE(text.find("  layers                    shape     dgrad ms  share x\n"
                      "  conv1          1.500  ms  1x1              -   25.0 %\n"
                      "  a longer name   1234  ms  3x3, 8x8     20.00\n"
                      "\n"
                      "  step\n"
                      "  contribution  3.000  ms\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("level portable on some CPU"), std::string::npos);
}

}  // namespace
}  // namespace ginn::cli
