// Built-in models against torchvision's: names and shapes of the parameters, in order.
#include "nn/models.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "crypto/json.h"

namespace ginn::nn {
namespace {

std::string line_of(const Parameter& parameter) {
  std::string line = parameter.name + " ";
  for (size_t i = 0; i < parameter.shape.size(); ++i) {
    line += concat(i == 0 ? "" : "x", parameter.shape[i]);
  }
  return line;
}

TEST(Models, HaveTorchvisionsParameters) {
  const auto file = read_file(std::string(GINN_VECTORS) + "/torchvision_models.json", 1 << 22);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto json = crypto::parse_json(as_text(*file));
  ASSERT_TRUE(json.ok()) << json.error().message;
  const auto& models = *json->find("models")->as_object();
  ASSERT_GE(models.size(), 14u);
  for (const auto& [name, lines] : models) {
    SCOPED_TRACE(name);
    const auto graph = build_model(name, 224, 224, 3, 10);
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    ASSERT_EQ(graph->parameters().size(), lines.as_array()->size());
    for (size_t i = 0; i < graph->parameters().size(); ++i) {
      EXPECT_EQ(line_of(graph->parameters()[i]), *(*lines.as_array())[i].as_string());
    }
  }
}

// Sizes as He et al. 2016 (table 6) and torchvision's documentation state them.
TEST(Models, HaveTheSizesOfTheirPapers) {
  const auto count = [](std::string_view name, uint32_t size) {
    auto graph = build_model(name, size, size, 3, size == 32 ? 10 : 1000);
    EXPECT_TRUE(graph.ok());
    return graph->parameter_count();
  };
  EXPECT_NEAR(static_cast<double>(count("resnet20", 32)), 0.27e6, 0.01e6);
  EXPECT_NEAR(static_cast<double>(count("resnet110", 32)), 1.73e6, 0.01e6);
  EXPECT_EQ(count("resnet50", 224), 25557032u);
  EXPECT_EQ(count("vgg16", 224), 138357544u);
  EXPECT_EQ(count("mobilenet_v2", 224), 3504872u);
}

}  // namespace
}  // namespace ginn::nn
