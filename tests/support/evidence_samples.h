#pragma once

#include "base/bytes.h"

namespace ginn::test {

// Bytes of the form of real evidence, made up: they parse, and nobody signed them.
Bytes sample_snp_report(uint32_t version, bool turin);
Bytes sample_nitro_document();
Bytes sample_tpm_quote();
Bytes sample_tpm_signature();
Bytes sample_hcl_report();
Bytes sample_spdm_measurements();

}  // namespace ginn::test
