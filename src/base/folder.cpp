#include "base/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"

namespace ginn {

Result<FolderLock> FolderLock::take(const std::filesystem::path& path) {
  const std::string name = printable(path.native(), 400);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return input_error("not_a_folder", concat(name, ": no such folder; expected that of a run"));
  }
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return FolderLock(descriptor);
  ::close(descriptor);
  return environment_error(
      "run_in_use",
      concat(name, ": a verifier (or ginn grant) is at work there; wait for its end, or stop it"));
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace ginn
