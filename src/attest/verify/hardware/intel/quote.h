#pragma once

#include <variant>

#include "attest/verify/hardware/intel/report.h"

namespace ginn::attest::verify {

// QE vendor id @12 of every header that this reads: Intel's quoting enclaves.
inline constexpr std::array<uint8_t, 16> kIntelQeVendor = {
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

// An Intel quote (Intel SGX ECDSA Quote Library Reference, quote format version 3; Intel TDX DCAP
// Quoting Library API, versions 4 and 5), taken apart. The views refer to the bytes that were
// parsed. Nothing in it has been verified.
struct Quote {
  uint16_t version = 0;
  ByteView qe_user_data;                         // 20 @28
  std::variant<EnclaveReport, TdReport> report;  // SGX or TDX
  ByteView signed_bytes;                         // header and body
  ByteView signature;                            // r || s, 64, by the attestation key
  ByteView attestation_key;                      // x || y, 64, P-256
  ByteView qe_report_bytes;                      // 384, signed by the PCK
  EnclaveReport qe_report;
  ByteView qe_report_signature;  // r || s, 64
  ByteView qe_auth_data;
  ByteView pck_chain;         // PEM, often with a NUL at its end
  size_t trailing_bytes = 0;  // after the signature data: padding of no meaning
  bool is_tdx() const { return std::holds_alternative<TdReport>(report); }
};

// Codes, in this order: "truncated", "quote_version" (not 3, 4, 5), "quote_key_type" (not ECDSA
// P-256), "quote_tee_type" (neither SGX nor TDX, or TDX in version 3), "quote_reserved",
// "quote_qe_vendor" (not Intel's), "quote_body_type" and "quote_body_size" (version 5),
// "quote_certification_type" (not QE report, not a PEM chain), "quote_certification_size" (a nested
// length does not fill what is around it).
Result<Quote> parse_quote(ByteView bytes);

}  // namespace ginn::attest::verify
