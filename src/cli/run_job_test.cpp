#include "cli/run_job.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace ginn::cli {
namespace {

TEST(InterruptsDeathTest, TheFirstIsToldTheSecondEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_TRUE(interruption("here").ok());
  for (const int number : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          watch_interrupts();
          std::raise(number);
          const Status told = interruption("after step 3 of 9");
          const bool good = !told.ok() && told.error().kind == ErrorClass::kEnvironment &&
                            std::string_view(told.error().code) == "interrupted" &&
                            told.error().message.find("step 3 of 9") != std::string::npos;
          ::_exit(good ? 7 : 8);
        },
        testing::ExitedWithCode(7),
        "");
    EXPECT_EXIT(
        {
          watch_interrupts();
          std::raise(number);
          std::raise(number);
          ::_exit(8);
        },
        testing::KilledBySignal(number),
        "");
  }
}

TEST(Patience, WaitsForAVerifierThatOthersStart) {
  worker::Client::Patience patience = patience_with("unix:/nowhere", true);
  EXPECT_GT(patience.connect_ms, 0);
  EXPECT_TRUE(patience.connecting().ok());
  EXPECT_TRUE(patience.waiting().ok());
}

}  // namespace
}  // namespace ginn::cli
