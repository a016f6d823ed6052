#pragma once

#include <array>

#include "crypto/sha256.h"
#include "crypto/signature.h"

namespace ginn::attest {

// The 64 bytes that a TEE signs for its caller.
using ReportData = std::array<uint8_t, 64>;

// SHA-256("ginn report data v2" 00 || public key || job digest || life u32, little-endian), then 32
// zero bytes. A TEE that has no room for 64 bytes signs the first 32.
ReportData report_data(const crypto::PublicKey& key,
                       const crypto::Digest& job_digest,
                       uint32_t life);

}  // namespace ginn::attest
