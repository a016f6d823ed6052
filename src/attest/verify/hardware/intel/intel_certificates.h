#pragma once

#include "attest/verify/hardware/context.h"
#include "attest/verify/hardware/intel/quote.h"
#include "attest/verify/hardware/intel/sgx_extension.h"
#include "attest/verify/hardware/intel/tcb_info.h"

namespace ginn::attest::verify {

// Everything that a quote is checked against, parsed; nothing verified.
struct IntelParts {
  Quote quote;
  Chain pck_chain;
  SgxExtension pck;
  TcbInfo tcb_info;
  Chain tcb_info_chain;
  QeIdentity qe_identity;
  Chain qe_identity_chain;
  std::optional<Chain> crl_issuer_chain;
  std::vector<RevocationList> crls;  // of the PCK's authority and of the root
};

// Names of the parts of the collateral that are needed and absent; empty when all are there.
std::string missing_collateral(const Collateral& collateral);

// Of a quote and a complete collateral. Errors as check_intel_quote's.
Result<IntelParts> parse_intel_parts(Quote quote, const Collateral& collateral);

// Checks of chains, then of time.
struct IntelTrust {
  bool pck = false, tcb_info = false, qe_identity = false;  // whether the chain leads to the root
};
IntelTrust check_intel_chains(const IntelParts& parts,
                              const CheckContext& context,
                              CheckList& checks);

}  // namespace ginn::attest::verify
