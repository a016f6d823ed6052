#include "attest/verify/hardware/intel/quote_signatures.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/sha256.h"

namespace ginn::attest::verify {

Status signed_by(const Certificate& certificate,
                 ByteView message,
                 ByteView signature,
                 const char* code,
                 std::string_view what) {
  GINN_ASSIGN(const VerifyKey key, certificate.public_key());
  if (key.verify_ecdsa(message, signature)) return ok_status();
  return refused(code, concat(what, " is not signed by the key of ", certificate.subject()));
}

Status check_qe_signature(const Quote& quote, const Certificate& pck) {
  return signed_by(pck,
                   quote.qe_report_bytes,
                   quote.qe_report_signature,
                   "qe_report_signature_invalid",
                   "the quoting enclave's report");
}

Status check_binding(const Quote& quote) {
  const crypto::Digest digest =
      crypto::Sha256().update(quote.attestation_key).update(quote.qe_auth_data).finish();
  const ByteView bound = quote.qe_report.report_data;
  const ByteView rest = bound.subspan(digest.size());
  if (std::equal(digest.begin(), digest.end(), bound.begin()) &&
      std::all_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte == 0; })) {
    return ok_status();
  }
  return refused("attestation_key_binding",
                 concat("the quoting enclave reports ",
                        to_hex(bound),
                        "; expected SHA-256 of attestation key and authentication data, ",
                        to_hex(digest),
                        ", and zeros"));
}

Status check_quote_signature(const Quote& quote) {
  const auto key = VerifyKey::from_point(KeyType::kP256, quote.attestation_key);
  if (key.ok() && key->verify_ecdsa(quote.signed_bytes, quote.signature)) return ok_status();
  return refused("signature_invalid", "the attestation key did not sign this header and body");
}

}  // namespace ginn::attest::verify
