#include "base/folder.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace ginn {
namespace {

TEST(FolderLockTest, OneAtATime) {
  std::string name = (std::filesystem::temp_directory_path() / "ginn-lock-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  {
    const auto first = FolderLock::take(name);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const auto second = FolderLock::take(name);
    ASSERT_FALSE(second.ok());
    EXPECT_STREQ(second.error().code, "run_in_use");
  }
  EXPECT_TRUE(FolderLock::take(name).ok()) << "the first one is gone";
  EXPECT_STREQ(FolderLock::take(name + "/nowhere").error().code, "not_a_folder");
  std::filesystem::remove(name);
}

}  // namespace
}  // namespace ginn
