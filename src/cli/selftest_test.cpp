#include <gtest/gtest.h>

#include <set>

#include "cli/selftest_battery.h"
#include "cli/selftest_vectors.h"

namespace ginn::cli {
namespace {

std::vector<SelftestCase> all_cases() {
  std::vector<SelftestCase> cases = convolution_cases();
  for (auto& group : {map_cases(), step_cases()}) {
    cases.insert(cases.end(), group.begin(), group.end());
  }
  return cases;
}

TEST(Selftest, EveryCaseHasOneExpectedDigest) {
  std::set<std::string_view> names;
  for (const SelftestVector& vector : kSelftestVectors) {
    EXPECT_TRUE(names.insert(vector.name).second) << vector.name;
  }
  const auto cases = all_cases();
  EXPECT_EQ(names.size(), cases.size());
  for (const SelftestCase& one : cases) EXPECT_TRUE(names.contains(one.name)) << one.name;
  EXPECT_TRUE(golden_digest("conv/none").empty());
}

TEST(Selftest, EveryLevelGivesTheExpectedDigests) {
  for (const device::Level level : device::all_levels()) {
    if (!device::level_supported(level)) continue;
    for (const SelftestCase& one : all_cases()) {
      const auto digest = one.run(level);
      ASSERT_TRUE(digest.ok());
      EXPECT_EQ(crypto::hex(*digest), golden_digest(one.name))
          << one.name << " at " << device::level_name(level);
    }
  }
}

}  // namespace
}  // namespace ginn::cli
