#pragma once

#include <string>
#include <vector>

#include "attest/verify/hardware/context.h"
#include "crypto/json.h"

namespace ginn::test {

// One entry of vectors.json.
struct RecordedCase {
  std::string id, type;
  crypto::Json entry;
  Bytes evidence;
  attest::verify::Collateral collateral;
  attest::verify::UnixSeconds at = 0;

  Result<attest::verify::EvidenceVerdict> check() const { return check(evidence, collateral, at); }
  Result<attest::verify::EvidenceVerdict> check(ByteView changed,
                                                const attest::verify::Collateral& with,
                                                attest::verify::UnixSeconds when) const;
  // Whether a verdict's code is among those that the entry allows.
  bool allows(const std::string& code) const;
};

std::vector<RecordedCase> recorded_cases();       // of AMD, AWS, TPMs, Azure and NVIDIA
std::vector<RecordedCase> intel_cases();          // SGX and TDX quotes
RecordedCase recorded_case(std::string_view id);  // aborts when there is none

}  // namespace ginn::test
