#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <vector>

namespace ginn::cli {
namespace {

Result<Command> parse(std::vector<std::string> arguments) { return parse_command_line(arguments); }

std::string refusal(std::vector<std::string> arguments) {
  const auto command = parse(std::move(arguments));
  if (command.ok()) return "accepted";
  EXPECT_STREQ(command.error().code, "usage");
  EXPECT_EQ(command.error().kind, ErrorClass::kInput);
  return command.error().message;
}

std::string help(std::vector<std::string> arguments, int code) {
  const auto command = parse(std::move(arguments));
  if (!command.ok()) return command.error().message;
  testing::internal::CaptureStdout();
  const Result<int> result = (*command)();
  EXPECT_TRUE(result.ok() && *result == code);
  return testing::internal::GetCapturedStdout();
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(CommandLine, TakesEveryVerbAndOption) {
  const std::vector<std::vector<std::string>> lines = {
      {"init"},
      {"init", "a.toml"},
      {"data", "a", "b", "--json"},
      {"plan", "j", "--threads", "2", "--json"},
      {"train", "j", "--out", "o", "--device=cpu", "--tee", "simulated", "--verifier", "unix:/x"},
      {"train", "j", "--out", "o", "--threads", "256", "--verifier-threads", "2", "--trusted-only"},
      {"train", "j", "--out", "o", "--pin"},
      {"train", "--unverified", "--json-lines", "--quiet", "--json", "--out", "o", "j"},
      {"work", "j", "--connect", "unix:/x", "--threads", "1", "--pin", "--quiet"},
      {"verify", "d", "--job", "j", "--job-digest", "00", "--owner-key", "k", "--allow-simulated"},
      {"eval", "d", "--test", "t", "--threads", "1", "--json"},
      {"attack", "j", "--out", "o", "--attack", "noise", "--share", "0.5", "--seed", "7"},
      {"attack", "j", "--out", "o", "--count", "3", "--threads", "1", "--verifier-threads", "1"},
      {"attack", "j", "--lab", "--attack", "badnets", "--when", "last@0.85", "--target", "3"},
      {"attack", "j", "--lab", "--poison", "0.3", "--images", "64", "--steps", "600", "--json"},
      {"attack", "j", "--sweep", "--out", "o", "--attack", "zero,copy", "--share", "0.01,0.1"},
      {"attack", "j", "--sweep", "--critical", "--seed", "1,2,3", "--sequences", "100"},
      {"inspect", "f", "--json"},
      {"selftest", "--json"},
      {"bench", "--model", "mlp", "--height", "8", "--width", "8", "--channels", "3"},
      {"bench", "--microbatch", "8", "--batch", "32", "--only", "train", "--seconds", "0.5"},
      {"bench", "--only", "layers,step", "--threads", "1,2,256", "--classes", "1000", "--json"},
      {"bench", "--pin"},
  };
  for (const auto& line : lines) EXPECT_TRUE(parse(line).ok()) << line[0] << line.back();
}

TEST(CommandLine, SaysWhatWasMeant) {
  EXPECT_TRUE(has(refusal({"trian", "j"}), "no verb \"trian\" (did you mean train?)"));
  EXPECT_TRUE(has(refusal({"train", "j", "--ot", "o"}), "no option --ot (did you mean --out?)"));
  EXPECT_TRUE(has(refusal({"plan", "j", "--thraeds=2"}), "did you mean --threads?"));
  EXPECT_FALSE(has(refusal({"plan", "j", "--absurdity"}), "did you mean"));
  EXPECT_TRUE(has(refusal({"help", "verfy"}), "did you mean verify?"));
  EXPECT_TRUE(has(refusal({"\x1b[31m"}), "\\x1b"));
}

TEST(CommandLine, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(has(refusal({"plan"}), "JOB"));
  EXPECT_TRUE(has(refusal({"train", "j"}), "--out"));
  EXPECT_TRUE(has(refusal({"--json"}), "a verb comes first"));
  EXPECT_TRUE(has(refusal({"plan", "a", "b"}), "b"));
  for (const char* threads : {"0", "257", "-1", "many", "4294967297"}) {
    EXPECT_TRUE(has(refusal({"plan", "j", "--threads", threads}), "--threads")) << threads;
  }
  for (const char* threads : {"0", "1,257", "1000", "2,-1", "1,two", "4294967297", ""}) {
    const std::string message = refusal({"bench", "--threads", threads});
    EXPECT_TRUE(has(message, "--threads") && has(message, "is not in 1 to 256")) << message;
  }
  EXPECT_TRUE(has(refusal({"bench", "--threads", "1", "2"}), "2"));
  EXPECT_TRUE(
      has(refusal({"attack", "j", "--out", "o", "--share", "0.1", "--count", "1"}), "excludes"));
  EXPECT_TRUE(has(refusal({"bench", "--seconds", "0"}), "--seconds"));
  EXPECT_TRUE(has(refusal({"bench", "--seconds", "nan"}), "--seconds"));
}

TEST(CommandLine, HelpsAndTellsItsVersion) {
  EXPECT_EQ(help({"--version"}, 0), "ginn 0.1.0\n");
  const std::string all = help({"help"}, 0);
  EXPECT_EQ(all, help({"--help"}, 0));
  EXPECT_EQ(all, help({}, 2));
  for (const char* verb : {"init",
                           "data",
                           "plan",
                           "train",
                           "work",
                           "verify",
                           "eval",
                           "attack",
                           "inspect",
                           "selftest",
                           "bench"}) {
    EXPECT_TRUE(has(all, verb));
    const std::string text = help({"help", verb}, 0);
    EXPECT_TRUE(has(text, std::string("Usage: ginn ") + verb)) << text;
    EXPECT_EQ(text, help({verb, "--help"}, 0));
  }
}

}  // namespace
}  // namespace ginn::cli
