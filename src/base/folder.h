#pragma once

#include "base/file.h"

namespace ginn {

// The files of one run, by name: on a disk, or on one that a test simulates. Names have no slash.
class Folder {
 public:
  virtual ~Folder() = default;
  // Codes: read_file's; a symbolic link is refused.
  virtual Result<Bytes> read(std::string_view name, uint64_t limit) const = 0;
  // The old file or the new one, never a part; durable when it returns. Code "write_failed".
  virtual Status write(std::string_view name, ByteView bytes) = 0;
  // Durable; no error when there is no such file. Code "write_failed".
  virtual Status remove(std::string_view name) = 0;
};

class DiskFolder final : public Folder {
 public:
  explicit DiskFolder(std::filesystem::path path) : path_(std::move(path)) {}
  Result<Bytes> read(std::string_view name, uint64_t limit) const override {
    return read_file(path_ / name, limit, false);
  }
  Status write(std::string_view name, ByteView bytes) override {
    return write_file_atomic(path_ / name, bytes);
  }
  Status remove(std::string_view name) override { return remove_file(path_ / name); }

 private:
  std::filesystem::path path_;
};

// Keeps others that take it out of a folder while it lives, whatever way its process ends.
class FolderLock {
 public:
  // Codes "not_a_folder", "run_in_use".
  static Result<FolderLock> take(const std::filesystem::path& path);
  // Whether somebody has taken it, in whatever process and process namespace of this kernel. Code
  // "not_a_folder".
  static Result<bool> held(const std::filesystem::path& path);
  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace ginn
