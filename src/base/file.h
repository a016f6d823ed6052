#pragma once

#include <filesystem>

#include "base/bytes.h"

namespace ginn {

// Reads a regular file of at most `limit` bytes into memory, once. Symbolic links in the last
// component are refused when `follow_links` is false. Codes: "not_found", "not_a_file",
// "is_a_link", "too_large", "unreadable".
Result<Bytes> read_file(const std::filesystem::path& path,
                        uint64_t limit,
                        bool follow_links = true);

// Writes to a temporary name beside `path`, fsyncs, renames, fsyncs the folder: the old file or the
// new one, never a part. Code "write_failed" (a full disk, say); the temporary file is removed.
Status write_file_atomic(const std::filesystem::path& path, ByteView bytes);

// The same without the fsyncs: for what is written often and may be lost when the power goes.
Status publish_file(const std::filesystem::path& path, ByteView bytes);

// Removes a file, if there is one, and syncs its folder. Code "write_failed".
Status remove_file(const std::filesystem::path& path);

}  // namespace ginn
