#include "attack/demo_page.h"

#include <gtest/gtest.h>

namespace ginn::attack {
namespace {

DemoFacts example() {
  DemoFacts facts;
  facts.model = "lenet";
  facts.attack = "badnets";
  facts.when = "uniform";
  facts.target = 7;
  facts.contributions = 2400;
  facts.deviations = 240;
  facts.budget = 24;
  facts.escape = 1e-30;
  facts.height = facts.width = 2;
  facts.channels = 1;
  facts.images = {{3, {1, 2, 3, 4}, {1, 2, 3, 255}}, {5, {9, 9, 9, 9}, {9, 9, 9, 255}}};
  facts.honest = {true, 0.9, 0.02, {3, 5}, {3, 5}};
  facts.tampered = {true, 0.89, 0.98, {3, 4}, {7, 7}};
  facts.code = "deviation";
  facts.message = "step 3 <script>";
  return facts;
}

size_t count(const std::string& page, std::string_view part) {
  size_t found = 0;
  for (size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1)) ++found;
  return found;
}

TEST(DemoPage, ShowsImagesAnswersAndTheVerdict) {
  const std::string page = demo_page(example());
  EXPECT_EQ(count(page, "<img "), 4u);
  EXPECT_EQ(count(page, "src=\"data:image/png;base64,iVBORw0KGgo"), 4u);
  EXPECT_EQ(count(page, "<td class=\"fooled\">7</td>"), 2u) << "where the backdoor worked";
  for (const char* part : {"Rejected (SIMULATED): deviation",
                           "step 3 &lt;script&gt;",
                           "240 of 2400",
                           "90.0 %",
                           "98.0 %",
                           "1e-30",
                           "</html>"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(DemoPage, LoadsNothingAndEscapesWhatComesFromOutside) {
  DemoFacts facts = example();
  facts.code = facts.model = facts.attack = facts.when = "<i onclick='x'>";
  const std::string page = demo_page(facts);
  for (const char* part : {"<i ", "<script", "http:", "https:", "url(", "<link"}) {
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  }
}

TEST(DemoPage, AnAttackThatPassedAndATrainingThatBroke) {
  DemoFacts facts = example();
  facts.accepted = true;
  facts.tampered = {};
  facts.tampered.finished = false;
  const std::string page = demo_page(facts);
  EXPECT_NE(page.find("the attack passed"), std::string::npos);
  EXPECT_EQ(page.find("Rejected"), std::string::npos);
  EXPECT_EQ(count(page, "<td>no model</td>"), 4u);
  facts.simulated = false;
  EXPECT_EQ(demo_page(facts).find("SIMULATED"), std::string::npos);
}

}  // namespace
}  // namespace ginn::attack
