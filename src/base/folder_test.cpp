#include "base/folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace ginn {
namespace {

TEST(FolderLockTest, OneAtATime) {
  const test::TemporaryFolder folder;
  const std::filesystem::path& name = folder.path();
  {
    const auto first = FolderLock::take(name);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const auto second = FolderLock::take(name);
    ASSERT_FALSE(second.ok());
    EXPECT_STREQ(second.error().code, "run_in_use");
  }
  EXPECT_TRUE(FolderLock::take(name).ok()) << "the first one is gone";
  EXPECT_STREQ(FolderLock::take(folder / "nowhere").error().code, "not_a_folder");
}

class FolderLockSeen : public testing::Test {
 protected:
  const test::TemporaryFolder folder_;
  const std::filesystem::path dir_ = folder_.path();
};

TEST_F(FolderLockSeen, SeenByOthersAsLongAsItLives) {
  EXPECT_FALSE(*FolderLock::held(dir_));
  {
    const auto lock = FolderLock::take(dir_);
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(*FolderLock::held(dir_));
    EXPECT_STREQ(FolderLock::take(dir_).error().code, "run_in_use");
  }
  EXPECT_FALSE(*FolderLock::held(dir_));
  EXPECT_TRUE(FolderLock::take(dir_).ok());
  EXPECT_STREQ(FolderLock::held(dir_ / "missing").error().code, "not_a_folder");
}

// Looking takes the lock for an instant; whoever wants it then must still get it.
TEST_F(FolderLockSeen, LookingKeepsNobodyOut) {
  std::atomic<bool> stop{false};
  std::thread looker([&] {
    while (!stop) {
      EXPECT_TRUE(FolderLock::held(dir_).ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += FolderLock::take(dir_).ok() ? 1 : 0;
  stop = true;
  looker.join();
  EXPECT_EQ(taken, 100);
}

}  // namespace
}  // namespace ginn
