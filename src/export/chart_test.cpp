#include "export/chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ginn::exporting {
namespace {

TEST(NiceTicks, AreRoundAndCoverTheRange) {
  EXPECT_EQ(nice_ticks(0, 10, 6), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(nice_ticks(0, 1, 3), (std::vector<double>{0, 0.5, 1}));
  const std::vector<double> ticks = nice_ticks(0.31, 2.29, 6);
  EXPECT_LE(ticks.front(), 0.31);
  EXPECT_GE(ticks.back(), 2.29);
}

TEST(NiceTicks, ManageWithoutARange) {
  for (const double value : {0.0, 7.0, -3.0, 1e-20, 1e20}) {
    const std::vector<double> ticks = nice_ticks(value, value, 6);
    ASSERT_GE(ticks.size(), 2u) << value;
    EXPECT_LT(ticks.front(), ticks.back()) << value;
  }
}

std::vector<Point> falling(size_t count) {
  std::vector<Point> points;
  for (size_t i = 0; i < count; ++i) {
    points.push_back({static_cast<double>(i), 2.0 / (1.0 + 0.01 * static_cast<double>(i))});
  }
  return points;
}

TEST(LineChart, HasAxesLabelsBandAndCurve) {
  const std::string svg = line_chart(falling(100), "step", "a < b");
  for (const char* part : {"<svg",
                           "class=\"band\"",
                           "class=\"curve\"",
                           "class=\"axis\"",
                           ">step</text>",
                           ">a &lt; b</text>",
                           "</svg>"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find("a < b"), std::string::npos);
}

TEST(LineChart, DoesNotGrowWithTheNumberOfPoints) {
  EXPECT_LT(line_chart(falling(200000), "x", "y").size(), 30000u);
}

TEST(LineChart, LeavesOutWhatIsNotFinite) {
  std::vector<Point> points = falling(50);
  const std::string clean = line_chart(points, "x", "y");
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), -1e300}) {
    points.insert(points.begin() + 20, Point{20.5, bad});
  }
  EXPECT_EQ(line_chart(points, "x", "y"), clean);
}

TEST(LineChart, IsEmptyWithoutACurve) {
  EXPECT_EQ(line_chart({}, "x", "y"), "");
  EXPECT_EQ(line_chart(falling(1), "x", "y"), "");
  const std::vector<Point> bad(10, Point{0, std::nan("")});
  EXPECT_EQ(line_chart(bad, "x", "y"), "");
}

TEST(LineChart, DrawsAConstant) {
  const std::vector<Point> flat = {{0, 1.5}, {1, 1.5}, {2, 1.5}};
  const std::string svg = line_chart(flat, "x", "y");
  EXPECT_NE(svg.find("class=\"curve\""), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace ginn::exporting
