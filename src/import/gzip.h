#pragma once

#include <string_view>

#include "base/bytes.h"

namespace ginn::import {

// By the two magic bytes 1f 8b, not by any file's name.
bool is_gzip(ByteView bytes);

// Decodes a gzip file (RFC 1952) of one or more members to at most `limit` bytes; zlib checks every
// member's CRC and length. `name` is the file's in messages. Memory is bounded by twice the output.
// Codes: "gzip_corrupt", "gzip_truncated", "gzip_trailing_garbage", "gzip_too_large".
Result<Bytes> gunzip(ByteView compressed, uint64_t limit, std::string_view name);

// The first `count` bytes of what gunzip() would give, or all of them if they are fewer; what comes
// after them is not looked at. Codes as gunzip()'s, without "gzip_too_large".
Result<Bytes> gunzip_prefix(ByteView compressed, size_t count, std::string_view name);

}  // namespace ginn::import
