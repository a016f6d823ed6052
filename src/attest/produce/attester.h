#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crypto/sha256.h"

namespace ginn::attest {

// Makes evidence that this program, as measured, asked for `report_data` to be signed.
class Attester {
 public:
  virtual ~Attester() = default;
  virtual std::string_view kind() const = 0;
  virtual Result<std::string> evidence(std::span<const uint8_t, 64> report_data) const = 0;
};

// `measurement`: SHA-256 of the running program's file, on the caller's word.
std::unique_ptr<Attester> simulated_attester(const crypto::Digest& measurement);

}  // namespace ginn::attest
