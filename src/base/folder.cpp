#include "base/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/text.h"

namespace ginn {
namespace {

Result<int> open_folder(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) return descriptor;
  return input_error(
      "not_a_folder",
      concat(printable(path.native(), 400), ": no such folder; expected that of a run"));
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::filesystem::path& path) {
  // held() has the lock for an instant: that must not look like a verifier at work.
  constexpr int kTries = 5;
  constexpr auto kBetween = std::chrono::milliseconds(10);
  GINN_ASSIGN(const int descriptor, open_folder(path));
  FolderLock lock(descriptor);
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) std::this_thread::sleep_for(kBetween);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  }
  return environment_error("run_in_use",
                           concat(printable(path.native(), 400),
                                  ": a verifier (or ginn grant) is at work there; wait for its "
                                  "end, or stop it"));
}

Result<bool> FolderLock::held(const std::filesystem::path& path) {
  GINN_ASSIGN(const int descriptor, open_folder(path));
  const FolderLock closed_at_the_end(descriptor);
  return ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace ginn
