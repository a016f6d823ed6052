#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>

#include "base/text.h"
#include "tests/support/temporary_folder.h"

namespace ginn {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void write(const fs::path& path, std::string_view text) {
    ASSERT_TRUE(write_file_atomic(path, as_bytes(text)).ok());
  }
  std::string read(const fs::path& path) {
    auto bytes = read_file(path, 1 << 20);
    return bytes.ok() ? std::string(as_text(*bytes)) : bytes.error().code;
  }
  static std::string code(const fs::path& path, uint64_t limit = 1000, bool follow = true) {
    auto bytes = read_file(path, limit, follow);
    return bytes.ok() ? "" : bytes.error().code;
  }
  size_t entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  const test::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(FileTest, ReadsWhatWasWritten) {
  for (const size_t size : {0, 1, 4095, 4096, 4097, 300000}) {
    Bytes bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + i / 251);
    const fs::path path = folder_ / "file";
    ASSERT_TRUE(write_file_atomic(path, bytes).ok());
    auto back = read_file(path, size);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, bytes);
  }
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, LimitIsExact) {
  write(folder_ / "ten", "0123456789");
  EXPECT_EQ(code(folder_ / "ten", 10), "");
  EXPECT_EQ(code(folder_ / "ten", 9), "too_large");
  EXPECT_EQ(code(folder_ / "ten", 0), "too_large");
  EXPECT_EQ(code(folder_ / "ten", UINT64_MAX), "");
  write(folder_ / "empty", "");
  EXPECT_EQ(code(folder_ / "empty", 0), "");
}

// A few bytes on the disk say that they are more than any memory.
TEST_F(FileTest, AFileAboveTheLimitTakesNoMemory) {
  write(folder_ / "sparse", "0123456789");
  constexpr off_t kTerabytes = off_t{8} << 40;
  if (::truncate((folder_ / "sparse").c_str(), kTerabytes) != 0) {
    GTEST_SKIP() << "no such large files here: " << std::strerror(errno);
  }
  EXPECT_EQ(code(folder_ / "sparse", 1 << 20), "too_large");
}

TEST_F(FileTest, FilesThatUnderstateTheirSizeAreReadToTheEndAndBounded) {
  ASSERT_EQ(fs::file_size("/proc/self/status"), 0u);
  EXPECT_GT(read("/proc/self/status").size(), 100u);
  EXPECT_EQ(code("/proc/self/status", 10), "too_large");
}

TEST_F(FileTest, MissingFiles) {
  EXPECT_EQ(code(folder_ / "absent"), "not_found");
  write(folder_ / "file", "x");
  EXPECT_EQ(code(folder_ / "file" / "below"), "not_found");
  EXPECT_EQ(code(""), "not_found");
}

TEST_F(FileTest, OnlyRegularFiles) {
  EXPECT_EQ(code(folder_), "not_a_file");
  EXPECT_EQ(code("/dev/null"), "not_a_file");
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(code(folder_ / "fifo"), "not_a_file");  // and does not wait for a writer
}

TEST_F(FileTest, LinksAreFollowedOnlyWhenAsked) {
  write(folder_ / "file", "content");
  fs::create_symlink("file", folder_ / "link");
  EXPECT_EQ(read(folder_ / "link"), "content");
  EXPECT_EQ(code(folder_ / "link", 1000, false), "is_a_link");
  EXPECT_EQ(code(folder_ / "file", 1000, false), "");
  fs::create_symlink("absent", folder_ / "dangling");
  EXPECT_EQ(code(folder_ / "dangling"), "not_found");
  EXPECT_EQ(code(folder_ / "dangling", 1000, false), "is_a_link");
}

TEST_F(FileTest, Unreadable) {
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_EQ(code(folder_ / "loop"), "unreadable");
  EXPECT_EQ(code(folder_ / std::string(300, 'n')), "unreadable");
  EXPECT_EQ(code("/proc/self/mem"), "unreadable");  // opens, but offset 0 cannot be read
}

TEST_F(FileTest, MessagesNameTheFileSafely) {
  auto missing = read_file(folder_ / "a\x1b[31mb", 10);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("a\\x1b[31mb"), std::string::npos);
}

TEST_F(FileTest, WriteReplacesTheOldFile) {
  write(folder_ / "file", "a long old content");
  write(folder_ / "file", "new");
  EXPECT_EQ(read(folder_ / "file"), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, WriteReplacesALinkAndNotItsTarget) {
  write(folder_ / "target", "old");
  fs::create_symlink("target", folder_ / "link");
  write(folder_ / "link", "new");
  EXPECT_FALSE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read(folder_ / "target"), "old");
  EXPECT_EQ(read(folder_ / "link"), "new");
}

TEST_F(FileTest, WriteWorksWithoutAFolderInThePath) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const Status status = write_file_atomic("bare", as_bytes("x"));
  fs::current_path(before);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(read(folder_ / "bare"), "x");
}

TEST_F(FileTest, FailedWritesSaySoAndLeaveNothing) {
  fs::create_directory(folder_ / "folder");
  write(folder_ / "folder" / "inside", "x");
  for (const fs::path& path : {folder_ / "absent" / "file",
                               folder_ / "folder",
                               folder_ / "",
                               fs::path(),
                               folder_ / std::string(250, 'n'),
                               fs::path("/proc/ginn")}) {
    const Status status = write_file_atomic(path, as_bytes("x"));
    ASSERT_FALSE(status.ok()) << path;
    EXPECT_STREQ(status.error().code, "write_failed");
    EXPECT_EQ(status.error().kind, ErrorClass::kEnvironment);
  }
  EXPECT_EQ(entries(), 1u);
}

// A limit on the file size behaves like a disk that fills up: a short write, then an error.
TEST_F(FileTest, AFullDiskKeepsTheOldFileAndLeavesNoPart) {
  write(folder_ / "file", "old");
  rlimit saved{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &saved), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, saved.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status fits = write_file_atomic(folder_ / "fits", Bytes(1000));
  const Status status = write_file_atomic(folder_ / "file", Bytes(1001));
  ::setrlimit(RLIMIT_FSIZE, &saved);
  std::signal(SIGXFSZ, old_handler);

  EXPECT_TRUE(fits.ok());
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "write_failed");
  EXPECT_EQ(read(folder_ / "file"), "old");
  EXPECT_EQ(entries(), 2u);
}

}  // namespace
}  // namespace ginn
