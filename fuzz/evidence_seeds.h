#pragma once

#include <vector>

#include "base/bytes.h"

namespace ginn::fuzz {

// Accepted inputs: made by code, and recorded evidence besides where its folder is there.
std::vector<Bytes> seeds_evidence_document();
std::vector<Bytes> seeds_collateral_document();
std::vector<Bytes> seeds_bundle();
std::vector<Bytes> seeds_policy_file();
std::vector<Bytes> seeds_snp_report();
std::vector<Bytes> seeds_nitro_document();
std::vector<Bytes> seeds_tpm_quote();
std::vector<Bytes> seeds_tpm_signature();
std::vector<Bytes> seeds_hcl_report();
std::vector<Bytes> seeds_spdm();
std::vector<Bytes> seeds_certificate_chain();
std::vector<Bytes> seeds_revocation_list();
std::vector<Bytes> seeds_intel_quote();
std::vector<Bytes> seeds_tcb_info();
std::vector<Bytes> seeds_qe_identity();

}  // namespace ginn::fuzz
