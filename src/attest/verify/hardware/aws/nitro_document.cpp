#include "attest/verify/hardware/aws/nitro_document.h"

#include <algorithm>
#include <set>

#include "attest/verify/hardware/aws/cbor.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr size_t kSignatureBytes = 96;
constexpr uint8_t kProtectedEs384[] = {0xa1, 0x01, 0x38, 0x22};  // {1: -35}
constexpr std::string_view kRequired[] = {
    "module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"};
constexpr uint64_t kKeysMax = 9;
constexpr uint64_t kTimestampMax = 253402300799999;  // 9999-12-31T23:59:59.999Z

Error nitro_error(const char* code, std::string_view what) {
  return input_error(code, concat("Nitro document: ", what));
}

// The head of a byte string in shortest form.
void append_byte_string(Bytes& out, ByteView contents) {
  const size_t size = contents.size();
  if (size < 24) {
    out.push_back(static_cast<uint8_t>(0x40 | size));
  } else if (size < 0x100) {
    out.insert(out.end(), {0x58, static_cast<uint8_t>(size)});
  } else {  // below 0x10000: kNitroDocumentBytesMax
    out.insert(out.end(), {0x59, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)});
  }
  out.insert(out.end(), contents.begin(), contents.end());
}

// Sig_structure of RFC 9052, section 4.4: ["Signature1", protected, h'', payload].
Bytes sig_structure(ByteView protected_header, ByteView payload) {
  constexpr std::string_view kContext = "Signature1";
  Bytes out = {0x84, static_cast<uint8_t>(0x60 | kContext.size())};
  out.insert(out.end(), kContext.begin(), kContext.end());
  append_byte_string(out, protected_header);
  append_byte_string(out, {});
  append_byte_string(out, payload);
  return out;
}

Status parse_module_id(CborReader& reader, NitroDocument& document) {
  GINN_ASSIGN(const std::string_view id, reader.text_string(128));
  const bool is_printable =
      std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (id.empty() || !is_printable) {
    return nitro_error("nitro_module_id", "module_id is empty or not printable ASCII");
  }
  document.module_id = id;
  return ok_status();
}

Status parse_digest(CborReader& reader) {
  GINN_ASSIGN(const std::string_view digest, reader.text_string(16));
  if (digest == "SHA384") return ok_status();
  return nitro_error("nitro_digest", concat("digest \"", printable(digest), "\"; expected SHA384"));
}

Status parse_timestamp(CborReader& reader, NitroDocument& document) {
  GINN_ASSIGN(document.timestamp_ms, reader.unsigned_integer());
  if (document.timestamp_ms > 0 && document.timestamp_ms <= kTimestampMax) return ok_status();
  return nitro_error("nitro_timestamp",
                     concat("timestamp ",
                            document.timestamp_ms,
                            "; expected milliseconds since 1970, at most those of the year 9999"));
}

Status parse_pcrs(CborReader& reader, NitroDocument& document) {
  GINN_ASSIGN(CborReader::Map map, reader.map(kNitroPcrMax + 1));
  while (true) {
    GINN_ASSIGN(const bool more, reader.next_entry(map));
    if (!more) return ok_status();
    GINN_ASSIGN(const uint64_t index, reader.unsigned_integer());
    GINN_ASSIGN(const ByteView value, reader.byte_string(kNitroFieldBytesMax));
    if (index > kNitroPcrMax || value.size() != kNitroPcrBytes) {
      return nitro_error("nitro_pcr",
                         concat("PCR ",
                                index,
                                " of ",
                                value.size(),
                                " bytes; expected an index up to 31 and 48 bytes"));
    }
    auto [at, is_new] = document.pcrs.try_emplace(index);
    if (!is_new) return nitro_error("nitro_duplicate_key", concat("PCR ", index, " stands twice"));
    std::copy(value.begin(), value.end(), at->second.begin());
  }
}

Result<Bytes> parse_certificate(CborReader& reader) {
  GINN_ASSIGN(const ByteView der, reader.byte_string(kNitroCertificateBytesMax));
  if (der.empty()) return nitro_error("nitro_certificate", "a certificate of no bytes");
  return Bytes(der.begin(), der.end());
}

Status parse_cabundle(CborReader& reader, NitroDocument& document) {
  GINN_ASSIGN(const uint64_t count, reader.array(kNitroBundleMax));
  if (count == 0) return nitro_error("nitro_cabundle", "cabundle is empty");
  for (uint64_t i = 0; i < count; ++i) {
    GINN_ASSIGN(document.cabundle.emplace_back(), parse_certificate(reader));
  }
  return ok_status();
}

Status parse_optional(CborReader& reader, std::optional<Bytes>& out) {
  if (reader.take_null()) return ok_status();
  GINN_ASSIGN(const ByteView value, reader.byte_string(kNitroFieldBytesMax));
  out.emplace(value.begin(), value.end());
  return ok_status();
}

Status parse_value(std::string_view key, CborReader& reader, NitroDocument& document) {
  if (key == "module_id") return parse_module_id(reader, document);
  if (key == "digest") return parse_digest(reader);
  if (key == "timestamp") return parse_timestamp(reader, document);
  if (key == "pcrs") return parse_pcrs(reader, document);
  if (key == "cabundle") return parse_cabundle(reader, document);
  if (key == "public_key") return parse_optional(reader, document.public_key);
  if (key == "user_data") return parse_optional(reader, document.user_data);
  if (key == "nonce") return parse_optional(reader, document.nonce);
  if (key == "certificate") {
    GINN_ASSIGN(document.certificate, parse_certificate(reader));
    return ok_status();
  }
  return nitro_error("nitro_unknown_key", concat("unknown key \"", printable(key, 32), "\""));
}

Status parse_payload(ByteView payload, NitroDocument& document) {
  CborReader reader(payload);
  GINN_ASSIGN(CborReader::Map map, reader.map(kKeysMax));
  std::set<std::string_view> seen;
  while (true) {
    GINN_ASSIGN(const bool more, reader.next_entry(map));
    if (!more) break;
    GINN_ASSIGN(const std::string_view key, reader.text_string(64));
    if (!seen.insert(key).second) {
      return nitro_error("nitro_duplicate_key", concat("\"", printable(key), "\" stands twice"));
    }
    GINN_TRY(parse_value(key, reader, document));
  }
  GINN_TRY(reader.finish());
  for (const std::string_view key : kRequired) {
    if (!seen.contains(key)) {
      return nitro_error("nitro_missing_key", concat("no \"", key, "\""));
    }
  }
  for (uint64_t index = 0; index <= 2; ++index) {
    if (!document.pcrs.contains(index)) {
      return nitro_error("nitro_missing_key", concat("no PCR ", index));
    }
  }
  return ok_status();
}

}  // namespace

bool NitroDocument::debug() const {
  constexpr std::array<uint8_t, kNitroPcrBytes> kZeros{};
  return pcrs.at(0) == kZeros || pcrs.at(1) == kZeros || pcrs.at(2) == kZeros;
}

Result<NitroDocument> parse_nitro_document(ByteView bytes) {
  if (bytes.size() > kNitroDocumentBytesMax) {
    return nitro_error("nitro_length",
                       concat(bytes.size(), " bytes; at most ", kNitroDocumentBytesMax));
  }
  CborReader reader(bytes);
  GINN_ASSIGN(const uint64_t parts, reader.array(4));
  if (parts != 4) {
    return nitro_error("cose_form", concat("an array of ", parts, " parts; COSE_Sign1 has 4"));
  }
  GINN_ASSIGN(const ByteView protected_header, reader.byte_string(16));
  if (!std::equal(protected_header.begin(),
                  protected_header.end(),
                  std::begin(kProtectedEs384),
                  std::end(kProtectedEs384))) {
    return nitro_error(
        "cose_algorithm",
        concat("protected header ", to_hex(protected_header), "; expected a1013822, ES384 alone"));
  }
  GINN_ASSIGN(CborReader::Map unprotected, reader.map(16));
  GINN_ASSIGN(const bool has_entries, reader.next_entry(unprotected));
  if (has_entries) return nitro_error("cose_form", "the unprotected header is not empty");
  GINN_ASSIGN(const ByteView payload, reader.byte_string(kNitroDocumentBytesMax));
  GINN_ASSIGN(const ByteView signature, reader.byte_string(kNitroFieldBytesMax));
  if (signature.size() != kSignatureBytes) {
    return nitro_error("cose_form",
                       concat("a signature of ", signature.size(), " bytes; expected 96"));
  }
  GINN_TRY(reader.finish());
  NitroDocument document;
  std::copy(signature.begin(), signature.end(), document.signature.begin());
  document.signed_bytes = sig_structure(protected_header, payload);
  GINN_TRY(parse_payload(payload, document));
  return document;
}

}  // namespace ginn::attest::verify
