#pragma once

#include "attest/verify/hardware/amd/snp_report.h"
#include "attest/verify/hardware/certificates.h"

namespace ginn::attest::verify {

// What the certificate of a VCEK or VLEK says of its key (AMD 57230, "Versioned Chip Endorsement
// Key Certificate and KDS Interface Specification", table 8): whom and which TCB it was made for.
struct SnpKey {
  SnpSigningKey kind = SnpSigningKey::kVcek;  // by the subject's common name
  SnpProduct product = SnpProduct::kMilan;
  SnpTcb tcb;
  // Of the chip, a VCEK's only: 64 bytes, Turin's 8.
  std::optional<Bytes> hwid;
  std::string csp_id;  // of the cloud, a VLEK's only, printable
};

// Codes: "vek_name" (the common name is neither SEV-VCEK nor SEV-VLEK), "vek_product",
// "vek_extension" (one that is missing, malformed or out of range), "bad_certificate", "bad_der".
Result<SnpKey> parse_snp_key(const Certificate& certificate);

}  // namespace ginn::attest::verify
