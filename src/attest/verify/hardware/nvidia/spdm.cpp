#include "attest/verify/hardware/nvidia/spdm.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

// Version 1.1, GET_MEASUREMENTS, signature requested, all measurement blocks.
constexpr uint8_t kRequestHead[] = {0x11, 0xe0, 0x01, 0xff};
// Version 1.1, MEASUREMENTS, no number of indices (not asked for), slot 0.
constexpr uint8_t kResponseHead[] = {0x11, 0x60, 0x00, 0x00};
constexpr uint8_t kDmtf = 0x01, kDigestBytes = 48;
constexpr size_t kBlockHeadBytes = 3;  // DMTFSpecMeasurementValueType and size, inside a block
constexpr uint16_t kDriverVersion = 3, kVbiosVersion = 6;  // NVIDIA's opaque fields
constexpr size_t kVersionBytesMax = 64;

Error spdm_error(const char* code, std::string_view what) {
  return input_error(code, concat("SPDM measurements: ", what));
}

// ByteReader's errors under this parser's code.
Result<ByteView> take(ByteReader& reader, size_t count, std::string_view what) {
  auto taken = reader.take(count);
  if (taken.ok()) return taken;
  return spdm_error("spdm_truncated", concat(what, ": ", taken.error().message));
}

Result<uint32_t> number(ByteReader& reader, size_t size, std::string_view what) {
  GINN_ASSIGN(const ByteView digits, take(reader, size, what));
  uint32_t value = 0;  // at most three bytes are asked for
  for (size_t i = size; i-- > 0;) value = value << 8 | digits[i];
  return value;
}

template <size_t kCount>
Status take_array(ByteReader& reader, std::array<uint8_t, kCount>& out, std::string_view what) {
  GINN_ASSIGN(const ByteView taken, take(reader, kCount, what));
  std::copy(taken.begin(), taken.end(), out.begin());
  return ok_status();
}

Status check_head(ByteReader& reader, ByteView expected, const char* code, std::string_view what) {
  GINN_ASSIGN(const ByteView head, take(reader, expected.size(), what));
  if (std::equal(head.begin(), head.end(), expected.begin())) return ok_status();
  return spdm_error(code,
                    concat(what, " starts with ", to_hex(head), "; expected ", to_hex(expected)));
}

Status parse_request(ByteReader& reader, SpdmMeasurements& evidence) {
  GINN_TRY(check_head(reader, kRequestHead, "spdm_request", "the request"));
  GINN_TRY(take_array(reader, evidence.request_nonce, "request nonce"));
  GINN_ASSIGN(const uint32_t slot, number(reader, 1, "slot"));
  if (slot == 0) return ok_status();
  return spdm_error("spdm_request", concat("slot ", slot, " asked to sign; expected 0"));
}

// Index, specification, size; then type, size and value. Bit 7 of the type would mark a raw bit
// stream instead of a digest.
Status parse_block(ByteReader& record, SpdmMeasurements& evidence) {
  GINN_ASSIGN(const uint32_t index, number(record, 1, "block index"));
  GINN_ASSIGN(const uint32_t specification, number(record, 1, "block specification"));
  GINN_ASSIGN(const uint32_t size, number(record, 2, "block size"));
  GINN_ASSIGN(const uint32_t type, number(record, 1, "value type"));
  GINN_ASSIGN(const uint32_t value_size, number(record, 2, "value size"));
  const bool ascending =
      evidence.measurements.empty() || index > evidence.measurements.rbegin()->first;
  if (index == 0 || index == 0xff || !ascending) {
    return spdm_error("spdm_block", concat("block index ", index, " is out of order or reserved"));
  }
  if (specification != kDmtf || (type & 0x80) != 0 || value_size != kDigestBytes ||
      size != value_size + kBlockHeadBytes) {
    return spdm_error("spdm_block",
                      concat("block ",
                             index,
                             " of specification ",
                             specification,
                             ", type ",
                             type,
                             ", sizes ",
                             size,
                             " and ",
                             value_size,
                             "; expected DMTF's (1), a digest (below 128), 51 and 48"));
  }
  GINN_ASSIGN(const ByteView value, take(record, value_size, "measurement"));
  evidence.measurements.emplace(static_cast<uint8_t>(index), Bytes(value.begin(), value.end()));
  return ok_status();
}

Status parse_record(ByteReader& reader, SpdmMeasurements& evidence) {
  GINN_TRY(check_head(reader, kResponseHead, "spdm_response", "the response"));
  GINN_ASSIGN(const uint32_t count, number(reader, 1, "block count"));
  GINN_ASSIGN(const uint32_t size, number(reader, 3, "record length"));
  GINN_ASSIGN(const ByteView bytes, take(reader, size, "measurement record"));
  ByteReader record(bytes);
  while (record.remaining() > 0) GINN_TRY(parse_block(record, evidence));
  if (count == evidence.measurements.size() && count > 0) return ok_status();
  return spdm_error(
      "spdm_block_count",
      concat(count, " blocks stated, ", evidence.measurements.size(), " in the record"));
}

Status parse_driver_version(ByteView value, SpdmMeasurements& evidence) {
  std::string_view text = as_text(value);
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  const bool plain = std::all_of(
      text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  if (!plain || text.size() > kVersionBytesMax) {
    return spdm_error(
        "spdm_opaque",
        concat("driver version \"", printable(text, 40), "\" is not digits and dots"));
  }
  evidence.driver_version = text;
  return ok_status();
}

// Fields of type, length and value that fill the opaque data exactly; unknown types are passed
// over.
Status parse_opaque(ByteReader& reader, SpdmMeasurements& evidence) {
  GINN_ASSIGN(const uint32_t size, number(reader, 2, "opaque length"));
  GINN_ASSIGN(const ByteView bytes, take(reader, size, "opaque data"));
  ByteReader opaque(bytes);
  std::set<uint32_t> seen;
  while (opaque.remaining() > 0) {
    const size_t at = opaque.offset();
    const auto type = opaque.u16();
    const auto length = opaque.u16();
    if (!type.ok() || !length.ok() || *length > opaque.remaining()) {
      return spdm_error("spdm_opaque", concat("the field at ", at, " goes beyond the opaque data"));
    }
    if (!seen.insert(*type).second) {
      return spdm_error("spdm_opaque", concat("the field of type ", *type, " stands twice"));
    }
    GINN_ASSIGN(const ByteView value, take(opaque, *length, "opaque field"));
    if (*type == kDriverVersion) GINN_TRY(parse_driver_version(value, evidence));
    if (*type == kVbiosVersion) {
      if (value.size() > kVersionBytesMax) {
        return spdm_error("spdm_opaque", concat("a VBIOS version of ", value.size(), " bytes"));
      }
      evidence.vbios_version.assign(value.begin(), value.end());
    }
  }
  return ok_status();
}

}  // namespace

Result<SpdmMeasurements> parse_spdm_measurements(ByteView bytes) {
  if (bytes.size() > kSpdmBytesMax) {
    return spdm_error("spdm_too_large", concat(bytes.size(), " bytes; at most ", kSpdmBytesMax));
  }
  ByteReader reader(bytes);
  SpdmMeasurements evidence;
  GINN_TRY(parse_request(reader, evidence));
  GINN_TRY(parse_record(reader, evidence));
  GINN_TRY(take_array(reader, evidence.response_nonce, "response nonce"));
  GINN_TRY(parse_opaque(reader, evidence));
  evidence.signed_bytes = bytes.first(reader.offset());
  GINN_TRY(take_array(reader, evidence.signature, "signature"));
  evidence.trailing_bytes = reader.remaining();
  if (evidence.trailing_bytes > kSpdmTrailingBytesMax) {
    return spdm_error("spdm_trailing",
                      concat(evidence.trailing_bytes, " bytes after the signature; at most 16"));
  }
  return evidence;
}

}  // namespace ginn::attest::verify
