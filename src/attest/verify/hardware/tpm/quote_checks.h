#pragma once

#include "attest/verify/hardware/context.h"
#include "attest/verify/hardware/keys.h"
#include "attest/verify/hardware/tpm/tpm_quote.h"

namespace ginn::attest::verify {

// "collateral_missing", naming the part.
Error missing_part(std::string_view what);

// What a quote says, as fields whose names start with `prefix`.
void add_quote_fields(const TpmQuote& quote, std::string_view prefix, EvidenceVerdict& verdict);

// Whether `key` signed `quote`, with Collateral's tpm_signature. Check
// `name`, code `invalid_code`. Errors: parse_tpm_signature's.
Status add_signature_check(std::string_view name,
                           const char* invalid_code,
                           const VerifyKey& key,
                           ByteView quote,
                           const Collateral& collateral,
                           CheckList& checks);

// Whether Collateral's tpm_pcrs have the digest that the quote states. Check "PCR values".
void add_pcr_check(const TpmQuote& parsed, const Collateral& collateral, CheckList& checks);

}  // namespace ginn::attest::verify
