#pragma once

#include <filesystem>
#include <string_view>

#include "base/bytes.h"

namespace ginn::import {

// The most bytes that an IDX file may hold, header included, once decompressed; and the most that
// it may have on disk.
inline constexpr uint64_t kIdxBytesMax = uint64_t{1} << 32;

enum class IdxKind { kImages, kLabels };

// An IDX file of unsigned bytes (the format of MNIST), header checked against the file's size:
//   offset 0  u8[2]  zero
//   offset 2  u8     element type, 0x08 (unsigned byte)
//   offset 3  u8     number of dimensions: images 3 (N, H, W) or 4 (N, H, W, C), labels 1 (N)
//   offset 4  u32[]  dimensions, big-endian: N in [1, 2^31), H, W in [1, 4096], C in [1, 16]
//   then      u8[]   elements, as many as the dimensions say, and nothing after them
class Idx {
 public:
  // `file`: the content as on disk; gzip is recognised by its magic. `name` is for messages. Codes,
  // in the order of the checks: gunzip()'s, "idx_truncated", "idx_magic", "idx_type", "idx_rank",
  // "idx_empty", "idx_limit", then "idx_truncated" and "idx_trailing_bytes" for the elements.
  static Result<Idx> parse(Bytes file, IdxKind kind, std::string_view name);
  // Codes too: read_file()'s.
  static Result<Idx> read(const std::filesystem::path& path, IdxKind kind);

  uint32_t count() const { return dimensions_[0]; }
  uint32_t height() const { return dimensions_[1]; }
  uint32_t width() const { return dimensions_[2]; }
  uint32_t channels() const { return dimensions_[3]; }
  ByteView values() const { return ByteView(file_).subspan(header_bytes_); }

 private:
  Idx() = default;
  uint64_t total_bytes() const;
  static Result<Idx> parse_header(ByteView first, IdxKind kind, std::string_view name);

  uint32_t dimensions_[4] = {1, 1, 1, 1};  // those that the file lacks are 1
  size_t header_bytes_ = 0;
  Bytes file_;
};

}  // namespace ginn::import
