#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ginn::attest::verify {

// Limits of AWS's "Verifying the root of trust" (aws-nitro-enclaves-nsm-api, docs), section 3.1.
inline constexpr size_t kNitroDocumentBytesMax = 1 << 15;
inline constexpr size_t kNitroCertificateBytesMax = 1024;  // DER, of one
inline constexpr size_t kNitroBundleMax = 7;               // certificates; the leaf is the eighth
inline constexpr size_t kNitroFieldBytesMax = 1024;        // public_key, user_data, nonce
inline constexpr uint64_t kNitroPcrMax = 31;
inline constexpr size_t kNitroPcrBytes = 48;  // digest SHA384

// An attestation document: COSE_Sign1 (RFC 9052, section 4.2), untagged, ES384, whose payload is a
// CBOR map. Bytes are copies; nothing has been verified.
struct NitroDocument {
  std::string module_id;      // 1 to 128 printable characters: "i-0827e799ec9232d44-enc019b..."
  uint64_t timestamp_ms = 0;  // since 1970-01-01T00:00:00Z
  std::map<uint64_t, std::array<uint8_t, kNitroPcrBytes>> pcrs;  // PCR0 to PCR2 are always there
  Bytes certificate;                                             // DER, of the key that signed
  std::vector<Bytes> cabundle;                                   // DER, root first
  std::optional<Bytes> public_key, user_data, nonce;
  Bytes signed_bytes;                   // Sig_structure, which the signature covers
  std::array<uint8_t, 96> signature{};  // r || s

  // An enclave in debug mode has PCR0 to PCR2 of zeros; one of them is enough here.
  bool debug() const;
};

// Codes, after those of CborReader: "nitro_length", "cose_form" (not an array of four, an
// unprotected header that is not empty, a signature that is not 96 bytes), "cose_algorithm" (the
// protected header is not {1: -35}), "nitro_unknown_key", "nitro_duplicate_key",
// "nitro_missing_key", "nitro_module_id", "nitro_digest" (not SHA384), "nitro_timestamp" (zero or
// after the year 9999), "nitro_pcr" (an index above 31, or a value that is not 48 bytes),
// "nitro_certificate" (empty), "nitro_cabundle" (empty).
Result<NitroDocument> parse_nitro_document(ByteView bytes);

}  // namespace ginn::attest::verify
