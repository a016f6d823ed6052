#include "attack/sweep_page.h"

#include <gtest/gtest.h>

#include <regex>

namespace ginn::attack {
namespace {

Group group(const std::string& attack, uint64_t count, double success) {
  Group group;
  group.attack = attack;
  group.when = "uniform";
  group.count = count;
  group.share = static_cast<double>(count) / 2000.0;
  group.trainings = 3;
  group.succeeded = success > kSuccess ? 3 : 0;
  group.success = success;
  group.lowest = success * 0.9;
  group.highest = success * 1.1;
  group.accuracy = 0.875;
  return group;
}

const SweepFacts kFacts = {"A <sweep>", 2000, 20.0, 0.999};

size_t times(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// Ordinates of the points in the order of the file.
std::vector<double> heights(const std::string& svg) {
  std::vector<double> result;
  const std::regex point(R"re(cy="([0-9.]+)" r="3.5")re");
  for (std::sregex_iterator i(svg.begin(), svg.end(), point), end; i != end; ++i) {
    result.push_back(std::stod((*i)[1]));
  }
  return result;
}

TEST(SweepChart, APointForEachCellAndTheCertifiedRegion) {
  const std::string svg = success_chart({group("badnets", 0, 0.02),
                                         group("badnets", 10, 0.0),
                                         group("badnets", 100, 1.0),
                                         group("blended", 50, 0.5)},
                                        kFacts);
  EXPECT_TRUE(svg.starts_with("<svg xmlns="));
  const std::vector<double> y = heights(svg);
  ASSERT_EQ(y.size(), 3u) << "the honest run has no share to stand at";
  EXPECT_GT(y[0], y[2]);
  EXPECT_GT(y[2], y[1]);
  EXPECT_NEAR((y[0] + y[1]) / 2, y[2], 0.2) << "half way up";
  EXPECT_EQ(times(svg, "class=\"certified\""), 1u);
  EXPECT_NE(svg.find("escapes with at most 0.001<"), std::string::npos);
  EXPECT_NE(svg.find(">blended, uniform<"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(SweepChart, NothingToShow) {
  EXPECT_EQ(success_chart({}, kFacts), "");
  EXPECT_EQ(success_chart({group("badnets", 0, 0.02)}, kFacts), "");
  Group broken = group("noise", 100, 0.0);
  broken.broken = broken.trainings;
  EXPECT_EQ(success_chart({broken}, kFacts), "");
}

TEST(SweepPage, ShowsCellsAndCriticalBudgetsEscaped) {
  const std::string page = sweep_page({group("badnets", 0, 0.02),
                                       group("badnets", 10, 0.02),
                                       group("badnets", 100, 0.93),
                                       group("<b>", 50, 0.05)},
                                      kFacts);
  EXPECT_NE(page.find("A &lt;sweep&gt;"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_NE(page.find("<td>93.0 % (83.7 % to 102.3 %)</td>"), std::string::npos);
  EXPECT_NE(page.find("<td>badnets</td><td>uniform</td><td>10</td><td>100</td><td>5.00 %</td>"),
            std::string::npos);
  EXPECT_NE(page.find("none of those tried"), std::string::npos);
  EXPECT_EQ(times(page, "http"), 1u) << "loads nothing: the one is SVG's namespace";
}

}  // namespace
}  // namespace ginn::attack
