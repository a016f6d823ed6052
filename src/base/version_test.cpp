#include "base/version.h"

#include <gtest/gtest.h>

namespace ginn {
namespace {

TEST(Version, FoundInText) {
  EXPECT_EQ(version_in("job/v1", "job/v"), 1u);
  EXPECT_EQ(version_in("a.v27+json", "a.v", "+json"), 27u);
  EXPECT_EQ(version_in("job/v999999", "job/v"), 999'999u);
  for (const char* none : {"",
                           "job/v",
                           "job/v0",
                           "job/v01",
                           "job/v-1",
                           "job/v+1",
                           "job/v1 ",
                           "job/v1000000",
                           "job/v99999999999999999999",
                           "JOB/v1",
                           "xjob/v1"}) {
    EXPECT_FALSE(version_in(none, "job/v").has_value()) << none;
  }
  EXPECT_FALSE(version_in("a.v1", "a.v", "+json").has_value());
  EXPECT_FALSE(version_in("v+json", "v+js", "json").has_value());
}

TEST(Version, OnlyLaterOnesAreRefusedByName) {
  EXPECT_TRUE(refuse_newer("c", "job", std::nullopt, 1).ok());
  EXPECT_TRUE(refuse_newer("c", "job", 1, 1).ok());
  const Status later = refuse_newer("c", "job", 3, 1);
  ASSERT_FALSE(later.ok());
  EXPECT_STREQ(later.error().code, "c");
  EXPECT_EQ(later.error().message,
            "job format version 3, this build reads up to 1; use a newer ginn");
}

TEST(Version, OfATypesName) {
  constexpr std::string_view kKnown = "application/vnd.x.grant.v2+json";
  EXPECT_TRUE(refuse_newer_type("c", "grant", "application/vnd.x.grant.v2+json", kKnown).ok());
  EXPECT_TRUE(refuse_newer_type("c", "grant", "application/vnd.x.grant.v1+json", kKnown).ok());
  EXPECT_TRUE(refuse_newer_type("c", "grant", "application/vnd.y.grant.v3+json", kKnown).ok());
  EXPECT_TRUE(refuse_newer_type("c", "grant", "", kKnown).ok());
  EXPECT_FALSE(refuse_newer_type("c", "grant", "application/vnd.x.grant.v3+json", kKnown).ok());
  EXPECT_FALSE(refuse_newer_type("c", "s", "https://x/v10", "https://x/v1").ok());
}

}  // namespace
}  // namespace ginn
