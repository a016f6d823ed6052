#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace ginn::attest::verify {

// SHA-256 of a certificate's DER encoding.
using Fingerprint = std::array<uint8_t, 32>;

// The certificates that chains may end in. Tests bring an authority of their own; everybody else
// uses pinned_roots().
struct RootSet {
  std::vector<Fingerprint> intel_sgx;
  std::vector<Fingerprint> amd_milan;  // ARK; product names as in the VEK's certificate
  std::vector<Fingerprint> amd_genoa;
  std::vector<Fingerprint> amd_turin;
  std::vector<Fingerprint> aws_nitro;
  std::vector<Fingerprint> nvidia_device;
};

// The vendors' real roots, pinned in the source.
const RootSet& pinned_roots();

}  // namespace ginn::attest::verify
