#pragma once

#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/intel/quote.h"

namespace ginn::attest::verify {

// `code` when the certificate's key did not sign `message` (r || s, 64); `what` names the message.
Status signed_by(const Certificate& certificate,
                 ByteView message,
                 ByteView signature,
                 const char* code,
                 std::string_view what);
// The PCK signed the quoting enclave's report: "qe_report_signature_invalid".
Status check_qe_signature(const Quote& quote, const Certificate& pck);
// QE REPORTDATA = SHA-256(attestation key || authentication data), then 32 zero bytes:
// "attestation_key_binding".
Status check_binding(const Quote& quote);
// The attestation key signed header and body: "signature_invalid".
Status check_quote_signature(const Quote& quote);

}  // namespace ginn::attest::verify
