#pragma once

#include <array>
#include <string>
#include <vector>

#include "attest/verify/hardware/keys.h"
#include "base/bytes.h"

namespace ginn::attest::verify {

inline constexpr size_t kTpmQuoteBytesMax = 1024;
inline constexpr size_t kTpmPcrCount = 24;         // of a PC Client TPM
inline constexpr uint16_t kTpmAlgSha256 = 0x000b;  // TPM_ALG_ID

// One bank's part of TPML_PCR_SELECTION.
struct TpmPcrSelection {
  uint16_t bank = 0;         // TPM_ALG_ID of the bank's digest
  std::vector<size_t> pcrs;  // ascending
};

// TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE (TPM 2.0 Library, part 2, section 10.12), big-endian. All
// of it is signed.
struct TpmQuote {
  Bytes qualified_signer;  // TPM2B_NAME: algorithm and digest of the attestation key, or empty
  Bytes extra_data;        // what the asker had bound: nonce, report data; at most 66 bytes
  uint64_t clock_ms = 0;
  uint32_t reset_count = 0, restart_count = 0;
  bool clock_is_safe = false;
  uint64_t firmware_version = 0;
  std::vector<TpmPcrSelection> selections;  // at most one a bank
  Bytes pcr_digest;                         // 20 to 64 bytes
};

// Codes: "tpm_truncated", "tpm_too_large", "tpm_magic" (not made by a TPM), "tpm_type" (no quote),
// "tpm_field" (a sized field longer than its type allows), "tpm_clock" (the safe flag is neither 0
// nor 1), "tpm_pcr_selection" (no bank, an unknown bank, one twice, PCRs above 23), "tpm_trailing".
Result<TpmQuote> parse_tpm_quote(ByteView bytes);

// The digest a quote has over the values of its selected PCRs when its signature uses SHA-256.
// `values`: 24 PCRs of the SHA-256 bank, 32 bytes each, in order. Codes: "tpm_pcr_values" (another
// length), "tpm_pcr_bank" (the quote selects another bank than SHA-256, or several).
Result<std::array<uint8_t, 32>> selected_pcr_digest(const TpmQuote& quote, ByteView values);

// TPMT_SIGNATURE (part 2, section 11.3.4) over a quote.
enum class TpmScheme : uint8_t { kRsaSha256, kEcdsa };
struct TpmSignature {
  TpmScheme scheme = TpmScheme::kRsaSha256;
  Bytes signature;  // RSA: big-endian as long as the modulus; ECDSA: r || s, 32 bytes each
};

// RSASSA-PKCS1-v1_5 with SHA-256 or ECDSA P-256 with SHA-256, marshalled; or 256 bytes, 384 or 512
// of an RSA signature by itself, as Azure hands it over. Codes: "tpm_signature_form",
// "tpm_signature_algorithm".
Result<TpmSignature> parse_tpm_signature(ByteView bytes);

bool verify_tpm_signature(const VerifyKey& key, ByteView quote, const TpmSignature& signature);

}  // namespace ginn::attest::verify
