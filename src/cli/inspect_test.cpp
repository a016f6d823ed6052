#include "cli/inspect.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cli/synthetic.h"
#include "cli/verbs.h"
#include "crypto/dsse.h"
#include "model_file/safetensors.h"
#include "nn/models.h"
#include "protocol/transcript.h"
#include "tests/support/temporary_folder.h"

namespace ginn::cli {
namespace {

class Inspect : public testing::Test {
 protected:
  // What inspecting a file of these bytes prints; the error's code when it is refused.
  std::string inspect(ByteView bytes, bool json = false, const char* name = "file") {
    const auto path = folder_ / name;
    EXPECT_TRUE(write_file_atomic(path, bytes).ok());
    testing::internal::CaptureStdout();
    const Result<int> result = inspect_verb({path.string(), json});
    const std::string out = testing::internal::GetCapturedStdout();
    if (result.ok()) return out;
    EXPECT_NE(result.error().message.find(name), std::string::npos) << result.error().message;
    return result.error().code;
  }
  std::string inspect(std::string_view text, bool json = false) {
    return inspect(as_bytes(text), json);
  }

  const test::TemporaryFolder folder_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

crypto::Json parsed(const std::string& text) {
  const auto json = crypto::parse_json(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *json : crypto::Json();
}

TEST_F(Inspect, CountsEveryParameterOfAJobOnce) {
  for (const char* model : {"mlp", "lenet", "resnet8", "resnet20"}) {
    SyntheticSize size;
    size.model = model;
    const auto run = synthetic_run(size);
    ASSERT_TRUE(run.ok());
    const std::string text = job::canonical(run->job);
    EXPECT_TRUE(has(inspect(text), crypto::tagged(job::digest(run->job))));
    const crypto::Json json = parsed(inspect(text, true));
    ASSERT_NE(json.find("layers"), nullptr);
    double parameters = 0;
    for (const crypto::Json& layer : *json.find("layers")->as_array()) {
      parameters += *layer.find("parameters")->as_number();
    }
    const auto graph = nn::build_model(model, 28, 28, 1, 10);
    ASSERT_TRUE(graph.ok());
    EXPECT_EQ(parameters, static_cast<double>(graph->parameter_count())) << model;
  }
}

// What inspecting a model prints; the error's code when it is refused.
std::string model(const InspectOptions& options) {
  testing::internal::CaptureStdout();
  const Result<int> result = inspect_verb(options);
  const std::string out = testing::internal::GetCapturedStdout();
  return result.ok() ? out : concat(result.error().code, ": ", result.error().message);
}

// Numbers that torchvision and torchinfo give for the same networks.
TEST_F(Inspect, ModelsHaveTheirPublishedSizes) {
  struct Known {
    const char* name;
    double parameters, macs;
  };
  for (const Known& known : {Known{"resnet18", 11'689'512, 1.814e9},
                             Known{"resnet50", 25'557'032, 4.089e9},
                             Known{"vgg16", 138'357'544, 15.47e9}}) {
    const crypto::Json json = parsed(model({known.name, true}));
    const crypto::Json& totals = *json.find("totals");
    EXPECT_EQ(*totals.find("parameters")->as_number(), known.parameters) << known.name;
    EXPECT_NEAR(*totals.find("macs")->as_number(), known.macs, 0.001 * known.macs) << known.name;
    EXPECT_EQ(*json.find("classes")->as_number(), 1000.0);
    double layers = 0;
    for (const crypto::Json& layer : *json.find("layers")->as_array()) {
      layers += *layer.find("parameters")->as_number();
    }
    EXPECT_EQ(layers, known.parameters);
  }
}

TEST_F(Inspect, ModelsTakeAnInputAndClasses) {
  InspectOptions options{"resnet8"};
  options.input = "28x20x1";
  options.classes = 7;
  options.images = 32;
  const std::string text = model(options);
  EXPECT_TRUE(has(text, "resnet8: a model, for images of 28 x 20 x 1 in 7 classes"));
  EXPECT_TRUE(has(text, "28x20x16"));
  EXPECT_TRUE(has(text, "573.4 kB")) << "28 x 20 x 16 values of 32 images";
  EXPECT_TRUE(has(text, "for 32 images"));
  options.parameters = true;
  EXPECT_TRUE(has(model(options), "layer2.0.downsample.0.weight"));
  EXPECT_TRUE(has(model(options), "7x64"));
  for (const char* bad : {"28x28", "28x28x", "x28x1", "0x28x1", "28x28x1x1", "4097x28x1", "28"}) {
    options.input = bad;
    EXPECT_TRUE(model(options).starts_with("usage: --input")) << bad;
  }
  options.input = "1x1x1";
  options.file = "lenet";
  EXPECT_TRUE(model(options).starts_with("model_shape"));
  EXPECT_TRUE(has(model({"resnet81"}), "no model of this name (did you mean resnet8"));
}

TEST_F(Inspect, SaysWhatAJobTrains) {
  auto run = synthetic_run({.model = "resnet8"});
  ASSERT_TRUE(run.ok());
  run->job.weights = job::StartWeights{{}, {"fc.*"}};
  run->job.freeze = {"conv1.*", "bn1.*", "layer*"};
  run->job.groups = {{{"fc.*"}, 10.0}};
  const std::string text = job::canonical(run->job);
  const std::string shown = inspect(text);
  EXPECT_TRUE(has(shown, "650 trained")) << shown;
  EXPECT_TRUE(has(shown, "starts from   sha256:0000"));
  EXPECT_TRUE(has(shown, "fc.*: learning rate x 10"));
  EXPECT_TRUE(has(shown, "  frozen\n"));
  const crypto::Json json = parsed(inspect(text, true));
  EXPECT_EQ(*json.find("totals")->find("trained")->as_number(), 650.0);
  const crypto::Json& head = json.find("parameters")->as_array()->back();
  EXPECT_EQ(*head.find("name")->as_string(), "fc.bias");
  EXPECT_EQ(*head.find("lr_scale")->as_number(), 10.0);
  EXPECT_FALSE(*head.find("frozen")->as_bool());
}

TEST_F(Inspect, DecodesEnvelopesAndTheOnesInThem) {
  const auto key = crypto::SigningKey::generate();
  ASSERT_TRUE(key.ok());
  const std::string inner = crypto::sign_envelope(*key, "inner", as_bytes("{\"secret\":7}"));
  const crypto::Json::Object payload{{"grants", crypto::Json::Array{inner}}};
  const std::string outer =
      crypto::sign_envelope(*key, "outer", as_bytes(crypto::canonical_json(payload)));
  const std::string text = inspect(outer);
  EXPECT_TRUE(has(text, "Nothing is checked"));
  EXPECT_TRUE(has(text, "outer"));
  EXPECT_TRUE(has(text, "\"secret\": 7"));
  const crypto::Json json = parsed(inspect(outer, true));
  ASSERT_NE(json.find("signatureChecked"), nullptr);
  EXPECT_FALSE(*json.find("signatureChecked")->as_bool());
}

TEST_F(Inspect, EscapesWhatATerminalWouldObey) {
  const auto key = crypto::SigningKey::generate();
  ASSERT_TRUE(key.ok());
  // U+009B starts a control sequence in some terminals.
  const std::string text =
      inspect(crypto::sign_envelope(*key, "t", as_bytes("{\"a\":\"\xc2\x9b\\u001b[2J\"}")));
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 32 && c < 127)) << text;
  EXPECT_TRUE(has(text, "\\xc2\\x9b"));
}

TEST_F(Inspect, SummarisesTensors) {
  model_file::NamedTensor tensor{
      "w", model_file::Dtype::kI16, {2, 2}, {3, 0, 0xfc, 0xff, 0, 0, 0, 0}};
  model_file::NamedTensor strange{"s", model_file::Dtype::kF32, {1}, {0, 0, 0xc0, 0x7f}};
  const auto file = model_file::write_safetensors({tensor, strange}, {{"format", "pt"}});
  ASSERT_TRUE(file.ok());
  const crypto::Json json = parsed(inspect(*file, true));
  const crypto::Json& row = json.find("tensors")->as_array()->front();
  EXPECT_EQ(*row.find("smallest")->as_number(), -4.0);
  EXPECT_EQ(*row.find("largest")->as_number(), 3.0);
  EXPECT_EQ(*row.find("norm")->as_number(), 5.0);
  const std::string text = inspect(*file);
  EXPECT_TRUE(has(text, "2x2"));
  EXPECT_TRUE(has(text, "1 NOT FINITE"));
  Bytes cut(file->begin(), file->end() - 1);
  EXPECT_EQ(inspect(cut), "safetensors_offsets");
}

TEST_F(Inspect, ShowsBothEndsOfATranscript) {
  protocol::Transcript transcript({}, {}, 1);
  std::string text;
  for (uint64_t step = 1; step <= 100; ++step) text += transcript.append(step, {});
  const std::string shown = inspect(text);
  EXPECT_TRUE(has(shown, "100 entries up to step 100"));
  EXPECT_TRUE(has(shown, "60 more"));
  EXPECT_TRUE(has(shown, crypto::tagged(transcript.head())));
  EXPECT_EQ(*parsed(inspect(text, true)).find("entries")->as_number(), 100.0);
  EXPECT_EQ(inspect(text + "x\n"), "transcript_line");
}

TEST_F(Inspect, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(inspect(""), "unknown_file");
  EXPECT_EQ(inspect("step,learning_rate\n"), "unknown_file");
  EXPECT_EQ(inspect("{\"a\":"), "json_syntax");
  EXPECT_EQ(inspect("{\"payloadType\":1}"), "json_field");
  EXPECT_TRUE(has(inspect("{\"a\":1}"), "\"a\": 1"));
}

}  // namespace
}  // namespace ginn::cli
