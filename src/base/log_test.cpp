#include "base/log.h"

#include <gtest/gtest.h>

#include "base/version.h"

namespace ginn {
namespace {

class LogTest : public testing::Test {
 protected:
  Log log(LogLevel least, LogFormat format) {
    return Log(
        least,
        format,
        [] { return 1'795'540'200.1239; },
        [this](std::string_view line) { lines_ += line; });
  }
  std::string lines_;
};

TEST_F(LogTest, Text) {
  const Log log = this->log(LogLevel::kInfo, LogFormat::kText);
  log.write(LogLevel::kInfo, "connected", {{"connection", 3}, {"address", "unix:/a b"}});
  log.write(LogLevel::kDebug, "quiet");
  log.write(LogLevel::kError, "failed", {{"code", std::string("x_y")}, {"ok", false}});
  EXPECT_EQ(lines_,
            "2026-11-24T17:10:00.123Z info connected connection=3 address=\"unix:/a b\"\n"
            "2026-11-24T17:10:00.123Z error failed code=x_y ok=false\n");
}

TEST_F(LogTest, Json) {
  log(LogLevel::kDebug, LogFormat::kJson)
      .write(LogLevel::kWarning, "lost", {{"message", "a \"b\" \\"}, {"rate", 0.5}, {"on", true}});
  EXPECT_EQ(lines_,
            "{\"time\":\"2026-11-24T17:10:00.123Z\",\"level\":\"warning\",\"event\":\"lost\","
            "\"message\":\"a \\\"b\\\" \\\\\",\"rate\":0.5,\"on\":true}\n");
}

// A peer's text makes neither a second line nor a second field.
TEST_F(LogTest, TextFromOutsideStaysOneValue) {
  const std::string evil = "x\n2026 error failed code=\"a\"\x1b[31m";
  log(LogLevel::kInfo, LogFormat::kText).write(LogLevel::kInfo, "said", {{"message", evil}});
  EXPECT_EQ(lines_,
            "2026-11-24T17:10:00.123Z info said "
            "message=\"x\\\\x0a2026 error failed code=\\\"a\\\"\\\\x1b[31m\"\n");
  lines_.clear();
  const Log json = log(LogLevel::kInfo, LogFormat::kJson);
  json.write(LogLevel::kInfo, "said", {{"message", std::string(100'000, 'a')}});
  EXPECT_LT(lines_.size(), kMaxLogValueBytes + 200);
}

TEST_F(LogTest, OffSaysNothing) {
  log(LogLevel::kOff, LogFormat::kText).write(LogLevel::kError, "failed");
  Log().write(LogLevel::kError, "failed");
  EXPECT_EQ(lines_, "");
}

TEST(LogWords, AreReadStrictly) {
  EXPECT_EQ(log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(log_level("off"), LogLevel::kOff);
  EXPECT_FALSE(log_level("Info").has_value());
  EXPECT_EQ(log_format("json"), LogFormat::kJson);
  EXPECT_FALSE(log_format("").has_value());
}

TEST(UtcText, OfAnyNumber) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(951'782'400), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(utc_text(-5), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(1e300), "9999-12-31T23:59:59.000Z");
  EXPECT_EQ(utc_text(std::nan("")), "1970-01-01T00:00:00.000Z");
}

TEST(Version, OnlyOneSpelling) {
  EXPECT_EQ(version_in("job/v12", "job/v"), 12u);
  EXPECT_EQ(version_in("a.v3+json", "a.v", "+json"), 3u);
  for (const char* other : {"job/v",
                            "job/v0",
                            "job/v01",
                            "job/v1 ",
                            "job/v-1",
                            "job/v1000000",
                            "job/v99999999999999999999",
                            "run/v1",
                            ""}) {
    EXPECT_FALSE(version_in(other, "job/v").has_value()) << other;
  }
  EXPECT_FALSE(version_in("a.v+json", "a.v", "+json").has_value());
  EXPECT_FALSE(version_in("a.v", "a.v", "v").has_value());
}

TEST(Version, TheSentence) {
  EXPECT_EQ(newer_version("job", 3, 2),
            "job format version 3, this build reads up to 2; use a newer ginn");
}

}  // namespace
}  // namespace ginn
