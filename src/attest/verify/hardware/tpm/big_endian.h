#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/text.h"

namespace ginn::attest::verify {

// Reads the TPM's marshalled structures: big-endian, TPM2B fields with a size of two bytes before
// them.
class BigEndianReader {
 public:
  // `truncated_code` is the code of reading past the end.
  BigEndianReader(ByteView bytes, const char* truncated_code)
      : bytes_(bytes), truncated_code_(truncated_code) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

  Result<ByteView> take(size_t count) {
    if (count > remaining()) {
      return input_error(truncated_code_,
                         concat("TPM structure at offset ",
                                offset_,
                                ": ",
                                count,
                                " bytes expected, ",
                                remaining(),
                                " left"));
    }
    const ByteView taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }
  // `size` bytes, at most 8.
  Result<uint64_t> number(size_t size) {
    GINN_ASSIGN(const ByteView digits, take(size));
    uint64_t value = 0;
    for (const uint8_t digit : digits) value = value << 8 | digit;
    return value;
  }
  Result<uint16_t> u16() {
    GINN_ASSIGN(const uint64_t value, number(2));
    return static_cast<uint16_t>(value);
  }
  // Code `code`, naming `what`, when the field says that it is longer than `size_max`.
  Result<ByteView> sized(size_t size_max, const char* code, std::string_view what) {
    GINN_ASSIGN(const uint16_t size, u16());
    if (size > size_max) {
      return input_error(
          code, concat("TPM structure: ", what, " of ", size, " bytes; at most ", size_max));
    }
    return take(size);
  }

 private:
  ByteView bytes_;
  size_t offset_ = 0;
  const char* truncated_code_;
};

}  // namespace ginn::attest::verify
