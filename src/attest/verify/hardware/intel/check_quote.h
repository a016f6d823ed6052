#pragma once

#include "attest/verify/hardware/context.h"

namespace ginn::attest::verify {

// Whether bytes start as an Intel quote does: cheap, and no promise that they parse.
bool looks_like_sgx_quote(ByteView evidence);
bool looks_like_tdx_quote(ByteView evidence);

// Intel SGX and TDX quotes, versions 3 to 5. Errors: parse_quote's, parse_tcb_info's,
// parse_qe_identity's, "bad_certificate", "bad_crl", "bad_der", "sgx_extension".
Result<EvidenceVerdict> check_intel_quote(ByteView evidence, const CheckContext& context);

}  // namespace ginn::attest::verify
