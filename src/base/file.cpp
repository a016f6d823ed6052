#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/text.h"

namespace ginn {
namespace {

namespace fs = std::filesystem;

std::string name_of(const fs::path& path) { return printable(path.native(), 400); }
std::string reason(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // Late write errors (quota, network file systems) show only here. False with errno.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

int open_retrying(const fs::path& path, int flags, mode_t mode = 0) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Error open_error(const fs::path& path, bool follow_links, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return input_error("not_found", concat(name_of(path), ": no such file; check the path"));
  }
  if (error == ELOOP && !follow_links) {
    return input_error("is_a_link",
                       concat(name_of(path), ": is a symbolic link; expected the file itself"));
  }
  if (error == ENXIO || error == ENODEV) {
    return input_error("not_a_file", concat(name_of(path), ": expected a regular file"));
  }
  return input_error("unreadable", concat(name_of(path), ": cannot be opened: ", reason(error)));
}

Error too_large(const fs::path& path, uint64_t limit) {
  return input_error(
      "too_large",
      concat(name_of(path), ": has more than the ", limit, " bytes that are read here"));
}

Error write_error(const fs::path& path, std::string_view action, int error) {
  return environment_error("write_failed",
                           concat(name_of(path),
                                  ": cannot ",
                                  action,
                                  ": ",
                                  reason(error),
                                  "; the old file, if any, stands"));
}

// Creates a new file beside `path`; returns its descriptor or -1 with errno.
int create_temporary(const fs::path& path, fs::path& temporary) {
  static std::atomic<uint64_t> counter = 0;
  constexpr int kAttempts = 100;  // left-overs of a killed process with the same id
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary = path;
    temporary.replace_filename(
        concat(".", path.filename().native(), ".", ::getpid(), ".", counter++, ".tmp"));
    const int fd = open_retrying(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

// False with errno.
bool write_all(int fd, ByteView bytes) {
  constexpr size_t kMost = 1 << 30;  // Linux writes at most 2^31 - 4096 bytes a call
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), std::min(bytes.size(), kMost));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return true;
}

bool sync_folder(const fs::path& folder) {
  Descriptor descriptor(open_retrying(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY));
  if (descriptor.get() < 0) return false;
  // EINVAL: this file system cannot sync folders, and needs none.
  return ::fsync(descriptor.get()) == 0 || errno == EINVAL;
}

}  // namespace

Result<Bytes> read_file(const fs::path& path, uint64_t limit, bool follow_links) {
  // O_NONBLOCK: a FIFO in the file's place must not hang the open.
  const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (follow_links ? 0 : O_NOFOLLOW);
  const Descriptor file(open_retrying(path, flags));
  if (file.get() < 0) return open_error(path, follow_links, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return open_error(path, follow_links, errno);
  if (!S_ISREG(info.st_mode)) {
    return input_error("not_a_file", concat(name_of(path), ": expected a regular file"));
  }
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > limit) return too_large(path, limit);

  // One byte more than expected, to see the end; the size may be wrong (procfs, a growing file).
  Bytes bytes(size + 1);
  size_t used = 0;
  for (;;) {
    const ssize_t count = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return input_error("unreadable",
                         concat(name_of(path), ": at offset ", used, ": ", reason(errno)));
    }
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (used > limit) return too_large(path, limit);
    if (used == bytes.size())
      bytes.resize(used + std::min<uint64_t>(used + 4096, limit - used + 1));
  }
  bytes.resize(used);
  return bytes;
}

namespace {

enum class Durable { kYes, kNo };

Status replace_file(const fs::path& path, ByteView bytes, Durable durable) {
  if (!path.has_filename()) return write_error(path, "write a file without a name", EINVAL);
  fs::path temporary;
  Descriptor file(create_temporary(path, temporary));
  if (file.get() < 0) return write_error(path, "create a file beside it", errno);
  std::string_view failed;
  if (!write_all(file.get(), bytes)) {
    failed = "write its new content";
  } else if ((durable == Durable::kYes && ::fsync(file.get()) != 0) || !file.close()) {
    failed = "bring its new content to the disk";
  } else if (::rename(temporary.c_str(), path.c_str()) != 0) {
    failed = "give the new file its name";
  }
  if (failed.empty()) return ok_status();
  const int error = errno;
  ::unlink(temporary.c_str());
  return write_error(path, failed, error);
}

}  // namespace

Status write_file_atomic(const fs::path& path, ByteView bytes) {
  GINN_TRY(replace_file(path, bytes, Durable::kYes));
  if (sync_folder(path.parent_path())) return ok_status();
  return environment_error(
      "write_failed",
      concat(name_of(path), ": written, but its folder ", "cannot be synced: ", reason(errno)));
}

Status publish_file(const fs::path& path, ByteView bytes) {
  return replace_file(path, bytes, Durable::kNo);
}

Status remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return ok_status();
    return write_error(path, "remove it", errno);
  }
  if (sync_folder(path.parent_path())) return ok_status();
  return write_error(path, "sync the folder it was removed from", errno);
}

}  // namespace ginn
