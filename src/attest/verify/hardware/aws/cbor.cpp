#include "attest/verify/hardware/aws/cbor.h"

#include <limits>

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

// Major types of RFC 8949, section 3.1.
constexpr uint8_t kUnsigned = 0, kNegative = 1, kBytes = 2, kText = 3, kArray = 4, kMap = 5;
constexpr uint8_t kNull = 0xf6, kBreak = 0xff, kIndefinite = 31;
constexpr std::string_view kMajorNames[] = {"an unsigned integer",
                                            "a negative integer",
                                            "a byte string",
                                            "a text string",
                                            "an array",
                                            "a map",
                                            "a tag",
                                            "a simple value or float"};

Error error_at(const char* code, size_t offset, std::string_view what) {
  return input_error(code, concat("CBOR at offset ", offset, ": ", what));
}

}  // namespace

Result<uint64_t> CborReader::argument(uint8_t low_bits) {
  if (low_bits < 24) return uint64_t{low_bits};
  const size_t at = offset_ - 1;
  if (low_bits > 27) return error_at("cbor_indefinite", at, "a length that is not given");
  const size_t size = size_t{1} << (low_bits - 24);
  if (bytes_.size() - offset_ < size) {
    return error_at("cbor_truncated", at, "the bytes end inside the head of an item");
  }
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | bytes_[offset_ + i];
  offset_ += size;
  // What fits in the next smaller form must be in it (section 4.2.1).
  const uint64_t least = size == 1 ? 24 : uint64_t{1} << (4 * size);
  if (value < least)
    return error_at("cbor_not_shortest", at, "a number in a longer form than needed");
  return value;
}

Result<CborReader::Head> CborReader::head() {
  if (offset_ >= bytes_.size()) {
    return error_at("cbor_truncated", offset_, "the bytes end where an item is expected");
  }
  const uint8_t first = bytes_[offset_++];
  Head head;
  head.major = static_cast<uint8_t>(first >> 5);
  const auto low_bits = static_cast<uint8_t>(first & 31);
  head.indefinite = low_bits == kIndefinite;
  if (!head.indefinite) {
    GINN_ASSIGN(head.argument, argument(low_bits));
  }
  return head;
}

Result<uint64_t> CborReader::head_of(uint8_t major, uint64_t argument_max) {
  const size_t at = offset_;
  GINN_ASSIGN(const Head found, head());
  if (found.major != major) {
    return error_at("cbor_type",
                    at,
                    concat("found ", kMajorNames[found.major], "; expected ", kMajorNames[major]));
  }
  if (found.indefinite) return error_at("cbor_indefinite", at, "a length that is not given");
  if (found.argument > argument_max) {
    return error_at("cbor_too_long",
                    at,
                    concat(kMajorNames[major],
                           " of ",
                           found.argument,
                           "; at most ",
                           argument_max,
                           " are expected"));
  }
  return found.argument;
}

Result<uint64_t> CborReader::unsigned_integer() {
  return head_of(kUnsigned, std::numeric_limits<uint64_t>::max());
}

Result<int64_t> CborReader::integer() {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  const bool negative = offset_ < bytes_.size() && bytes_[offset_] >> 5 == kNegative;
  GINN_ASSIGN(const uint64_t value, head_of(negative ? kNegative : kUnsigned, kMax));
  // -1 - value is at least INT64_MIN because value is at most INT64_MAX.
  return negative ? -1 - static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

Result<ByteView> CborReader::string(uint8_t major, size_t size_max) {
  const size_t at = offset_;
  GINN_ASSIGN(const uint64_t size, head_of(major, size_max));
  if (size > bytes_.size() - offset_) {
    return error_at("cbor_truncated",
                    at,
                    concat(kMajorNames[major],
                           " of ",
                           size,
                           " bytes, of which ",
                           bytes_.size() - offset_,
                           " are there"));
  }
  const ByteView contents = bytes_.subspan(offset_, static_cast<size_t>(size));
  offset_ += static_cast<size_t>(size);
  return contents;
}

Result<ByteView> CborReader::byte_string(size_t size_max) { return string(kBytes, size_max); }

Result<std::string_view> CborReader::text_string(size_t size_max) {
  GINN_ASSIGN(const ByteView text, string(kText, size_max));
  return as_text(text);
}

Result<uint64_t> CborReader::array(uint64_t count_max) { return head_of(kArray, count_max); }

Result<CborReader::Map> CborReader::map(uint64_t entries_max) {
  constexpr uint8_t kIndefiniteMap = kMap << 5 | kIndefinite;
  if (offset_ < bytes_.size() && bytes_[offset_] == kIndefiniteMap) {
    ++offset_;
    return Map{};
  }
  GINN_ASSIGN(const uint64_t entries, head_of(kMap, entries_max));
  return Map{entries};
}

Result<bool> CborReader::next_entry(Map& map) {
  if (map.left) {
    if (*map.left == 0) return false;
    --*map.left;
    return true;
  }
  if (offset_ >= bytes_.size()) {
    return error_at("cbor_truncated", offset_, "the bytes end inside a map");
  }
  if (bytes_[offset_] != kBreak) return true;
  ++offset_;
  map.left = 0;
  return false;
}

bool CborReader::take_null() {
  if (offset_ >= bytes_.size() || bytes_[offset_] != kNull) return false;
  ++offset_;
  return true;
}

Status CborReader::finish() const {
  if (offset_ == bytes_.size()) return ok_status();
  return error_at("cbor_trailing",
                  offset_,
                  concat(bytes_.size() - offset_, " bytes after the end of the document"));
}

}  // namespace ginn::attest::verify
