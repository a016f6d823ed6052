#include "attest/verify/hardware/der.h"

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

Error bad_der(std::string message) { return input_error("bad_der", std::move(message)); }

}  // namespace

Result<DerElement> DerReader::next() {
  ByteReader reader(bytes_);
  GINN_ASSIGN(const uint8_t tag, reader.u8());
  if ((tag & 0x1f) == 0x1f) return bad_der("an identifier of several octets");
  GINN_ASSIGN(const uint8_t first, reader.u8());
  size_t length = first;
  if (first >= 0x80) {
    const size_t count = first & 0x7f;
    if (count == 0 || count > 4) return bad_der(concat("a length of ", count, " octets"));
    GINN_ASSIGN(const ByteView octets, reader.take(count));
    length = 0;
    for (const uint8_t octet : octets) length = length << 8 | octet;
    if (length < 0x80 || octets[0] == 0) return bad_der("a length that could be shorter");
  }
  GINN_ASSIGN(const ByteView contents, reader.take(length));
  bytes_ = bytes_.subspan(reader.offset());
  return DerElement{tag, contents};
}

Result<ByteView> DerReader::next(uint8_t tag) {
  GINN_ASSIGN(const DerElement element, next());
  if (element.tag != tag) {
    return bad_der(concat("identifier ", uint32_t{element.tag}, "; expected ", uint32_t{tag}));
  }
  return element.contents;
}

Result<uint64_t> DerReader::next_integer() {
  GINN_ASSIGN(ByteView contents, next(kDerInteger));
  if (contents.empty() || (contents[0] & 0x80) != 0) return bad_der("a negative integer");
  if (contents.size() > 1 && contents[0] == 0) {
    if ((contents[1] & 0x80) == 0) return bad_der("an integer that could be shorter");
    contents = contents.subspan(1);
  }
  if (contents.size() > 8) return bad_der(concat("an integer of ", contents.size(), " octets"));
  uint64_t value = 0;
  for (const uint8_t octet : contents) value = value << 8 | octet;
  return value;
}

Status DerReader::finish() const {
  if (bytes_.empty()) return ok_status();
  return bad_der(concat(bytes_.size(), " octets more than expected"));
}

Result<std::string> oid_text(ByteView contents) {
  if (contents.empty()) return bad_der("an empty object identifier");
  std::string text;
  uint64_t arc = 0;
  bool inside = false;
  for (const uint8_t octet : contents) {
    if (!inside && octet == 0x80) return bad_der("an object identifier with a padded arc");
    if (arc > (uint64_t{1} << 50)) return bad_der("an object identifier with a huge arc");
    arc = arc << 7 | (octet & 0x7f);
    inside = (octet & 0x80) != 0;
    if (inside) continue;
    if (text.empty()) {
      const uint64_t root = arc < 80 ? arc / 40 : 2;
      text = concat(root, '.', arc - 40 * root);
    } else {
      text += concat('.', arc);
    }
    arc = 0;
  }
  if (inside) return bad_der("an object identifier that ends inside an arc");
  return text;
}

}  // namespace ginn::attest::verify
