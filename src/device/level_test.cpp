#include "device/level.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace ginn::device {
namespace {

// GINN_CPU for the length of a scope.
class ScopedCpu {
 public:
  explicit ScopedCpu(const char* value) {
    const char* before = std::getenv("GINN_CPU");
    had_ = before != nullptr;
    if (had_) before_ = before;
    if (value == nullptr) {
      unsetenv("GINN_CPU");
    } else {
      setenv("GINN_CPU", value, 1);
    }
  }
  ~ScopedCpu() {
    if (had_) {
      setenv("GINN_CPU", before_.c_str(), 1);
    } else {
      unsetenv("GINN_CPU");
    }
  }

 private:
  bool had_ = false;
  std::string before_;
};

TEST(Level, NamesAreThoseOfTheDocumentation) {
  EXPECT_EQ(level_name(Level::kPortable), "portable");
  EXPECT_EQ(level_name(Level::kAvx2), "avx2");
  EXPECT_EQ(level_name(Level::kAvxVnni), "avxvnni");
  EXPECT_EQ(level_name(Level::kAvx512Vnni), "avx512vnni");
  EXPECT_EQ(level_name(Level::kAmx), "amx");
}

TEST(Level, PortableIsAlwaysThereAndSlowest) {
  EXPECT_TRUE(level_supported(Level::kPortable));
  ASSERT_EQ(all_levels().size(), 5u);
  EXPECT_EQ(all_levels().front(), Level::kPortable);
}

TEST(Level, TheFastestIsChosenButAmxOnlyByName) {
  const ScopedCpu cpu(nullptr);
  const Result<Level> chosen = choose_level();
  ASSERT_TRUE(chosen.ok());
  EXPECT_TRUE(level_supported(*chosen));
  EXPECT_NE(*chosen, Level::kAmx);
  for (const Level level : all_levels()) {
    if (level == Level::kAmx) continue;
    EXPECT_TRUE(level <= *chosen || !level_supported(level)) << level_name(level);
  }
}

// Asked again, the answer is the same; what it needs is there.
TEST(Level, AmxStandsOnAvx512) {
  const bool supported = level_supported(Level::kAmx);
  EXPECT_EQ(level_supported(Level::kAmx), supported);
  EXPECT_TRUE(!supported || level_supported(Level::kAvx512Vnni));
}

TEST(Level, AnEmptyNameIsNoName) {
  const ScopedCpu none(nullptr);
  const Level fastest = *choose_level();
  const ScopedCpu cpu("");
  ASSERT_TRUE(choose_level().ok());
  EXPECT_EQ(*choose_level(), fastest);
}

TEST(Level, ANameForcesItsLevelOrNamesWhatThereIs) {
  for (const Level level : all_levels()) {
    const ScopedCpu cpu(std::string(level_name(level)).c_str());
    const Result<Level> chosen = choose_level();
    if (level_supported(level)) {
      ASSERT_TRUE(chosen.ok());
      EXPECT_EQ(*chosen, level);
    } else {
      ASSERT_FALSE(chosen.ok());
      EXPECT_STREQ(chosen.error().code, "unsupported_level");
      EXPECT_EQ(chosen.error().kind, ErrorClass::kEnvironment);
      EXPECT_NE(chosen.error().message.find("portable"), std::string::npos);
    }
  }
}

TEST(Level, AnUnknownNameIsAnInputError) {
  for (const char* name : {"AVX2", "avx", "avx2 ", "sse\n"}) {
    const ScopedCpu cpu(name);
    const Result<Level> chosen = choose_level();
    ASSERT_FALSE(chosen.ok());
    EXPECT_STREQ(chosen.error().code, "unknown_level");
    EXPECT_EQ(chosen.error().kind, ErrorClass::kInput);
    EXPECT_EQ(chosen.error().message.find('\n'), std::string::npos);
    EXPECT_NE(chosen.error().message.find("avx512vnni, amx"), std::string::npos);
  }
}

}  // namespace
}  // namespace ginn::device
