#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace ginn::attest::verify {

// Reads the part of CBOR (RFC 8949) that attestation documents use: integers, byte and text strings
// of definite length, arrays of definite length, maps, null. Everything else (tags, floats, other
// simple values, strings and arrays of indefinite length) is refused, as is an integer or a length
// that is not in its shortest form. Pulled item by item: no recursion, no allocation.
//
// Codes: "cbor_truncated", "cbor_type" (an item of another type than asked for),
// "cbor_not_shortest", "cbor_indefinite", "cbor_too_long" (above the caller's limit),
// "cbor_trailing". Messages give the offset.
class CborReader {
 public:
  explicit CborReader(ByteView bytes) : bytes_(bytes) {}

  // A map whose entries are still to be read: a known count, or up to the break byte.
  struct Map {
    std::optional<uint64_t> left;
  };

  size_t offset() const { return offset_; }
  Result<uint64_t> unsigned_integer();
  Result<int64_t> integer();  // either sign; code "cbor_too_long" outside int64_t
  Result<ByteView> byte_string(size_t size_max);
  Result<std::string_view> text_string(size_t size_max);  // bytes as they are; UTF-8 not checked
  Result<uint64_t> array(uint64_t count_max);             // items that follow
  Result<Map> map(uint64_t entries_max);                  // definite or indefinite length
  // Whether another entry follows; takes the break byte at the end.
  Result<bool> next_entry(Map& map);
  // Takes a null and says so, or leaves what is there.
  bool take_null();
  Status finish() const;  // nothing may follow

 private:
  struct Head {
    uint8_t major = 0;
    bool indefinite = false;
    uint64_t argument = 0;
  };
  Result<Head> head();
  Result<uint64_t> argument(uint8_t low_bits);
  Result<uint64_t> head_of(uint8_t major, uint64_t argument_max);
  Result<ByteView> string(uint8_t major, size_t size_max);

  ByteView bytes_;
  size_t offset_ = 0;
};

}  // namespace ginn::attest::verify
