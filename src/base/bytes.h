#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ginn {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads little-endian fields from hostile bytes; every read is checked against what is left.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  size_t remaining() const { return bytes_.size() - offset_; }
  size_t offset() const { return offset_; }

  // code "truncated" with the offset, when fewer than `count` bytes are left.
  Result<ByteView> take(size_t count);
  Result<uint8_t> u8();
  Result<uint16_t> u16();
  Result<uint32_t> u32();
  Result<uint64_t> u64();
  Result<int8_t> i8();

 private:
  ByteView bytes_;
  size_t offset_ = 0;
};

// Appends little-endian fields.
class ByteWriter {
 public:
  void reserve(size_t count) { bytes_.reserve(count); }
  void u8(uint8_t value) { bytes_.push_back(value); }
  void u16(uint16_t value) { append(&value, sizeof value); }
  void u32(uint32_t value) { append(&value, sizeof value); }
  void u64(uint64_t value) { append(&value, sizeof value); }
  void bytes(ByteView value) { append(value.data(), value.size()); }
  void text(std::string_view value) { append(value.data(), value.size()); }
  const Bytes& view() const { return bytes_; }
  Bytes finish() { return std::move(bytes_); }

 private:
  void append(const void* data, size_t count);
  Bytes bytes_;
};

}  // namespace ginn
