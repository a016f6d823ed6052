#include "tests/support/evidence_samples.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::test {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

// A CBOR byte string of 256 to 65535 bytes.
void cbor_long_bytes(ByteWriter& out, const Bytes& contents) {
  out.u8(0x59);
  out.u8(static_cast<uint8_t>(contents.size() >> 8));
  out.u8(static_cast<uint8_t>(contents.size()));
  out.bytes(contents);
}

void cbor_key(ByteWriter& out, std::string_view key) {
  out.u8(static_cast<uint8_t>(0x60 | key.size()));
  out.text(key);
}

}  // namespace

Bytes sample_snp_report(uint32_t version, bool turin) {
  Bytes report(0x4a0);
  report[0] = static_cast<uint8_t>(version);
  report[10] = 2;    // POLICY bit 17
  report[0x34] = 1;  // SIGNATURE_ALGO
  std::fill_n(report.begin() + 0x50, 64, uint8_t{0x11});
  std::fill_n(report.begin() + 0x90, 48, uint8_t{0x22});
  if (version >= 3) {
    report[0x188] = turin ? 0x1a : 0x19;
    report[0x189] = 0x02;
  }
  std::fill_n(report.begin() + 0x1a0, turin ? 8 : 64, uint8_t{0x33});
  if (version >= 5) report[0x1f8] = 0x0b;
  std::fill_n(report.begin() + 0x2a0, 48, uint8_t{0x44});
  std::fill_n(report.begin() + 0x2a0 + 72, 48, uint8_t{0x55});
  return report;
}

Bytes sample_nitro_document() {
  ByteWriter payload;
  payload.u8(0xbf);
  cbor_key(payload, "module_id");
  cbor_key(payload, "i-0123-enc");
  cbor_key(payload, "digest");
  cbor_key(payload, "SHA384");
  cbor_key(payload, "timestamp");
  payload.bytes(hex("1b0000019b55a68eea"));
  cbor_key(payload, "pcrs");
  payload.u8(0xa3);
  for (uint8_t index = 0; index < 3; ++index) {
    payload.u8(index);
    payload.bytes(hex("5830"));
    payload.bytes(Bytes(48, 7));
  }
  cbor_key(payload, "certificate");
  payload.bytes(hex("43303132"));
  cbor_key(payload, "cabundle");
  payload.bytes(hex("8241304131"));
  cbor_key(payload, "user_data");
  payload.bytes(hex("420102"));
  cbor_key(payload, "nonce");
  payload.bytes(hex("f6ff"));  // null, and the end of the map
  ByteWriter document;
  document.bytes(hex("8444a1013822a0"));
  cbor_long_bytes(document, payload.finish());
  document.bytes(hex("5860"));
  document.bytes(Bytes(96, 1));
  return document.finish();
}

Bytes sample_tpm_quote() {
  ByteWriter quote;
  quote.bytes(hex("ff5443478018"));
  quote.bytes(hex("0022000b"));  // qualifiedSigner: SHA-256
  quote.bytes(Bytes(32, 3));
  quote.bytes(hex("0004deadbeef"));                        // extraData
  quote.bytes(hex("0000000000001234000000050000000601"));  // clockInfo
  quote.bytes(hex("2020031200120003"));                    // firmwareVersion
  quote.bytes(hex("00000001000b03010080"));                // PCRs 0 and 23 of the SHA-256 bank
  quote.bytes(hex("0020"));
  quote.bytes(Bytes(32, 4));
  return quote.finish();
}

Bytes sample_tpm_signature() {
  ByteWriter signature;
  signature.bytes(hex("0018000b001f"));  // ECDSA with SHA-256; r without its leading zero
  signature.bytes(Bytes(31, 5));
  signature.bytes(hex("0020"));
  signature.bytes(Bytes(32, 6));
  return signature.finish();
}

Bytes sample_hcl_report() {
  // A modulus of 2048 bits: base64url of 256 bytes.
  const std::string json =
      "{\"keys\":[{\"kid\":\"HCLAkPub\",\"key_ops\":[\"sign\"],\"kty\":\"RSA\",\"e\":\"AQAB\","
      "\"n\":\"" +
      std::string(341, '_') + "w\"}]}";
  const auto json_size = static_cast<uint32_t>(json.size());
  ByteWriter report;
  report.text("HCLA");
  for (const uint32_t word : {2u, 1236 + json_size, 2u, 0u, 0u, 0u, 0u}) report.u32(word);
  report.bytes(sample_snp_report(3, false));
  for (const uint32_t word : {20 + json_size, 1u, 2u, 1u, json_size}) report.u32(word);
  report.text(json);
  report.bytes(Bytes(16));
  return report.finish();
}

Bytes sample_spdm_measurements() {
  ByteWriter out;
  out.bytes(hex("11e001ff"));
  out.bytes(Bytes(32, 1));
  out.u8(0);
  out.bytes(hex("11600000"));
  out.bytes(hex("026e0000"));  // two blocks, 110 bytes
  for (uint8_t index = 1; index <= 2; ++index) {
    out.u8(index);
    out.bytes(hex("013300013000"));
    out.bytes(Bytes(48, index));
  }
  out.bytes(Bytes(32, 2));
  out.u16(21);  // opaque: driver version, VBIOS version
  out.bytes(hex("03000500"));
  out.text(std::string_view("5.50\0", 5));
  out.bytes(hex("06000800"));
  out.bytes(Bytes(8, 9));
  out.bytes(Bytes(96, 3));
  return out.finish();
}

}  // namespace ginn::test
