#pragma once

#include <string>

#include "base/bytes.h"

namespace ginn::attest::verify {

// One DER element: the identifier octet and the contents (ITU-T X.690).
struct DerElement {
  uint8_t tag = 0;  // class, constructed bit and number below 31
  ByteView contents;
};
inline constexpr uint8_t kDerInteger = 0x02, kDerOctetString = 0x04, kDerOid = 0x06,
                         kDerEnumerated = 0x0a, kDerIa5String = 0x16, kDerSequence = 0x30;

// Reads the elements of one level, definite lengths only. Codes "bad_der", "truncated".
class DerReader {
 public:
  explicit DerReader(ByteView bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  Result<DerElement> next();
  Result<ByteView> next(uint8_t tag);  // contents of an element that must have this tag
  Result<uint64_t> next_integer();     // non-negative, at most eight bytes, minimal
  Status finish() const;               // nothing may follow

 private:
  ByteView bytes_;
};

// DER contents of an OBJECT IDENTIFIER as dotted text; code "bad_der".
Result<std::string> oid_text(ByteView contents);

}  // namespace ginn::attest::verify
