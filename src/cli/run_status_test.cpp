#include "cli/run_status.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"
#include "cli/run_folder.h"
#include "tests/support/temporary_folder.h"

namespace ginn::cli {
namespace {

constexpr double kNow = 1'795'540'200;

std::string file(std::string_view phase, std::string_view code = "") {
  return concat(R"({"began":1795540100,"beganWith":"40","code":")",
                code,
                R"(","connections":2,"contributions":"400","ginn":"status/v1","job":"sha256:)",
                std::string(64, 'a'),
                R"(","life":1,"lives":3,"message":"a <b>\u001b[2J","phase":")",
                phase,
                R"(","replaysDone":"7","replaysQueued":"1","simulated":true,"steps":"100",)",
                R"("taken":"240","updated":1795540200,"version":"0.1.0"})");
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

class RunStatusTest : public testing::Test {
 protected:
  void write(std::string_view name, std::string_view text) {
    ASSERT_TRUE(write_file_atomic(dir_ / name, as_bytes(text)).ok());
  }
  RunView look() const { return look_at_run(dir_, kNow + 5).value(); }
  std::string state() const { return std::string(state_name(look().state)); }

  const test::TemporaryFolder folder_;
  const std::filesystem::path dir_ = folder_.path();
};

TEST(StatusFile, ReadsWhatAVerifierWrites) {
  const auto read = parse_status_file(file("training"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->taken, 240u);
  EXPECT_EQ(read->step(), 60u);
  EXPECT_EQ(read->lives, 3u);
}

TEST(StatusFile, HostileText) {
  const auto code = [](const std::string& text) {
    const auto read = parse_status_file(text);
    return std::string(read.ok() ? "ok" : read.error().code);
  };
  const std::string good = file("training");
  EXPECT_EQ(code(""), "json_syntax");
  EXPECT_EQ(code(replaced(good, "status/v1", "status/v2")), "status_version");
  EXPECT_EQ(code(replaced(good, "status/v1", "status/v01")), "json_field");
  EXPECT_EQ(code(replaced(good, "training", "trainning")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"taken\":\"240\"", "\"taken\":\"401\"")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"taken\":\"240\"", "\"taken\":\"39\"")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"steps\":\"100\"", "\"steps\":\"0\"")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"steps\":\"100\"", "\"steps\":\"3\"")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"steps\":\"100\"", "\"steps\":\"99999999999\"")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"life\":1", "\"life\":1.5")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"life\":1", "\"life\":-1")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"updated\":1795540200", "\"updated\":1e300")), "status_form");
  EXPECT_EQ(code(replaced(good, "\"connections\":2,", "")), "json_field");
  EXPECT_EQ(code(replaced(good, "sha256:a", "sha256:g")), "bad_digest");
}

TEST_F(RunStatusTest, TheLockSaysWhetherItRuns) {
  write("status.json", file("training"));
  EXPECT_EQ(state(), "broken_off");
  const auto lock = FolderLock::take(dir_);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(state(), "running");
  const RunView view = look();
  EXPECT_DOUBLE_EQ(view.age_seconds, 5);
  EXPECT_DOUBLE_EQ(view.per_second, 2);  // 200 contributions in 100 s
  EXPECT_DOUBLE_EQ(view.seconds_left, 80);
}

TEST_F(RunStatusTest, HowItEnded) {
  const std::pair<const char*, const char*> ends[] = {
      {"accepted", "certificate.json"},
      {"rejected", "rejection.json"},
      {"suspended", "checkpoint.sealed"},
  };
  for (const auto& [phase, left] : ends) {
    write("status.json", file(phase, "why"));
    EXPECT_EQ(state(), phase);
    EXPECT_EQ(look().missing, left);
    write(left, "{}");
    EXPECT_EQ(look().missing, "");
    EXPECT_EQ(look().seconds_left, 0);
  }
  write("status.json", file("failed", "verifier_failed"));
  EXPECT_EQ(state(), "failed");
}

TEST_F(RunStatusTest, FoldersWithoutTheFile) {
  const auto nothing = look_at_run(dir_, kNow);
  ASSERT_FALSE(nothing.ok());
  EXPECT_STREQ(nothing.error().code, "no_status");
  write("certificate.json", "{}");
  EXPECT_EQ(state(), "accepted");
  const auto missing = look_at_run(dir_ / "no", kNow);
  ASSERT_FALSE(missing.ok());
  EXPECT_STREQ(missing.error().code, "not_a_folder");
  {
    const auto lock = FolderLock::take(dir_);
    EXPECT_EQ(state(), "running");
  }
  std::filesystem::create_symlink(dir_ / "certificate.json", dir_ / "status.json");
  EXPECT_FALSE(look_at_run(dir_, kNow).ok());
}

TEST_F(RunStatusTest, Text) {
  write("status.json", file("training", "stream_broken"));
  const std::string text = status_text("run", look());
  for (const std::string_view part : {"step           60 of 100",
                                      "240 of 400 taken, 2.0 a second",
                                      "7 done, 1 queued",
                                      "life           1 of 3",
                                      "last error     stream_broken: a <b>",
                                      "SIMULATED"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(RunStatusTest, Prometheus) {
  write("status.json", file("accepted", "accepted"));
  const std::string text = status_metrics("a\"b\\", look());
  for (const std::string_view part : {"# TYPE ginn_run_contributions_taken_total counter\n",
                                      "ginn_run_replays_done_total{dir=",
                                      "a\\\"b\\\\\"} 7\n",
                                      ",state=\"accepted\"} 1\n",
                                      ",state=\"running\"} 0\n",
                                      "phase=\"accepted\""}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.back(), '\n');
}

}  // namespace
}  // namespace ginn::cli
