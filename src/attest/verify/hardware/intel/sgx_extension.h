#pragma once

#include <array>

#include "attest/verify/hardware/certificates.h"

namespace ginn::attest::verify {

// What a PCK certificate says of its platform (Intel SGX PCK Certificate and CRL Profile, SGX
// extension 1.2.840.113741.1.13.1).
struct SgxExtension {
  std::array<uint8_t, 16> components{};  // security versions, .2.1 to .2.16
  uint16_t pcesvn = 0;                   // .2.17
  std::array<uint8_t, 2> pce_id{};       // .3
  std::array<uint8_t, 6> fmspc{};        // .4
};

// Code "sgx_extension": absent, a member missing, twice or of the wrong form; "bad_der",
// "truncated", "bad_certificate".
Result<SgxExtension> parse_sgx_extension(const Certificate& pck);

}  // namespace ginn::attest::verify
