#pragma once

#include "attest/verify/hardware/collateral.h"
#include "attest/verify/hardware/policy.h"
#include "attest/verify/hardware/roots.h"
#include "attest/verify/hardware/utc_time.h"
#include "attest/verify/hardware/verdict.h"

namespace ginn::attest::verify {

// What every kind's verifier gets beside the evidence. Its parts outlive the call.
//
// A verifier returns an Error (ErrorClass::kInput) when evidence or collateral cannot be read as
// what it should be; whatever can be read gives a verdict, refused with the first failed check's
// code.
struct CheckContext {
  const Collateral& collateral;
  const RootSet& roots;
  const Policy& policy;
  UnixSeconds at;  // the time for which validity is judged; no clock is read
};

}  // namespace ginn::attest::verify
