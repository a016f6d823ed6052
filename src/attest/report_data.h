#pragma once

#include <array>

#include "crypto/sha256.h"
#include "crypto/signature.h"

namespace ginn::attest {

// The 64 bytes that a TEE signs for its caller.
using ReportData = std::array<uint8_t, 64>;

// SHA-256("ginn report data v1" 00 || public key || job digest), then 32 zero bytes.
ReportData report_data(const crypto::PublicKey& key, const crypto::Digest& job_digest);

}  // namespace ginn::attest
