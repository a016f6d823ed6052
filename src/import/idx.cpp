#include "import/idx.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "import/gzip.h"

namespace ginn::import {

namespace {

constexpr size_t kHeaderBytesMax = 20;
constexpr uint8_t kUnsignedByte = 0x08;

struct DimensionRule {
  std::string_view name;
  uint32_t max;
};
constexpr DimensionRule kRules[4] = {
    {"number of records", 0x7fffffff}, {"height", 4096}, {"width", 4096}, {"channels", 16}};

uint32_t big_endian(ByteView four) {
  return (uint32_t{four[0]} << 24) | (uint32_t{four[1]} << 16) | (uint32_t{four[2]} << 8) | four[3];
}

Error truncated(std::string_view name, uint64_t found, uint64_t expected) {
  return input_error("idx_truncated",
                     concat(name,
                            ": ends at offset ",
                            found,
                            ", ",
                            expected,
                            " bytes expected by its header; copy or download the file again"));
}

Error trailing(std::string_view name, uint64_t expected) {
  return input_error(
      "idx_trailing_bytes",
      concat(
          name, ": bytes after offset ", expected, ", where its header says that the file ends"));
}

Status check_magic(ByteView first, IdxKind kind, std::string_view name) {
  if (first.size() < 4) return truncated(name, first.size(), 4);
  if (first[0] != 0 || first[1] != 0) {
    return input_error("idx_magic",
                       concat(name,
                              ": starts with the bytes ",
                              to_hex(first.first(4)),
                              ", an IDX file starts with 0000; give the path of an IDX file"));
  }
  if (first[2] != kUnsignedByte) {
    return input_error("idx_type",
                       concat(name,
                              ": at offset 2: element type 0x",
                              to_hex(first.subspan(2, 1)),
                              ", only 0x08 (unsigned byte) is supported"));
  }
  const uint8_t rank = first[3];
  const bool good = kind == IdxKind::kLabels ? rank == 1 : rank == 3 || rank == 4;
  if (good) return ok_status();
  return input_error("idx_rank",
                     concat(name,
                            ": at offset 3: ",
                            rank,
                            " dimensions, expected ",
                            kind == IdxKind::kLabels ? "1 (labels)" : "3 or 4 (images)"));
}

Status check_dimension(size_t axis, uint32_t value, std::string_view name) {
  const DimensionRule& rule = kRules[axis];
  if (axis == 0 && value == 0) {
    return input_error("idx_empty", concat(name, ": at offset 4: no records, at least 1 expected"));
  }
  if (value >= 1 && value <= rule.max) return ok_status();
  return input_error("idx_limit",
                     concat(name,
                            ": at offset ",
                            4 + 4 * axis,
                            ": ",
                            rule.name,
                            " ",
                            value,
                            ", allowed is 1 to ",
                            rule.max));
}

}  // namespace

uint64_t Idx::total_bytes() const {
  uint64_t values = 1;
  for (uint32_t dimension : dimensions_) values *= dimension;  // < 2^31 * 2^12 * 2^12 * 2^4
  return header_bytes_ + values;
}

Result<Idx> Idx::parse_header(ByteView first, IdxKind kind, std::string_view name) {
  GINN_TRY(check_magic(first, kind, name));
  const size_t rank = first[3];
  Idx result;
  result.header_bytes_ = 4 + 4 * rank;
  if (first.size() < result.header_bytes_) {
    return truncated(name, first.size(), result.header_bytes_);
  }
  for (size_t axis = 0; axis < rank; ++axis) {
    const uint32_t value = big_endian(first.subspan(4 + 4 * axis, 4));
    GINN_TRY(check_dimension(axis, value, name));
    result.dimensions_[axis] = value;
  }
  if (result.total_bytes() > kIdxBytesMax) {
    return input_error("idx_limit",
                       concat(name,
                              ": its header says ",
                              result.total_bytes(),
                              " bytes, at most ",
                              kIdxBytesMax,
                              " are read from one file"));
  }
  return result;
}

Result<Idx> Idx::parse(Bytes file, IdxKind kind, std::string_view name) {
  Bytes first(file.begin(),
              file.begin() + static_cast<ptrdiff_t>(std::min(file.size(), kHeaderBytesMax)));
  const bool compressed = is_gzip(file);
  if (compressed) {
    GINN_ASSIGN(first, gunzip_prefix(file, kHeaderBytesMax, name));
  }
  GINN_ASSIGN(Idx result, parse_header(first, kind, name));
  const uint64_t expected = result.total_bytes();
  if (compressed) {
    Result<Bytes> content = gunzip(file, expected, name);
    if (!content.ok() && std::string_view(content.error().code) == "gzip_too_large") {
      return trailing(name, expected);
    }
    GINN_ASSIGN(file, std::move(content));
  }
  if (file.size() < expected) return truncated(name, file.size(), expected);
  if (file.size() > expected) return trailing(name, expected);
  result.file_ = std::move(file);
  return result;
}

Result<Idx> Idx::read(const std::filesystem::path& path, IdxKind kind) {
  GINN_ASSIGN(Bytes file, read_file(path, kIdxBytesMax));
  return parse(std::move(file), kind, printable(path.string()));
}

}  // namespace ginn::import
