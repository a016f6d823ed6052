#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attest/verify/hardware/policy.h"
#include "crypto/sha256.h"
#include "crypto/signature.h"
#include "guarantee/guarantee.h"

namespace ginn::policy {

// What a relying party demands of one thing: a value, or "any". Never "not said": a demand that
// nobody filled in stands on a value that nothing meets.
template <typename T>
class Demand {
 public:
  Demand(T value) : value_(std::move(value)) {}  // NOLINT
  static Demand any() {
    Demand demand{T{}};
    demand.any_ = true;
    return demand;
  }
  bool is_any() const { return any_; }
  const T& value() const { return value_; }  // of no meaning when is_any()
  bool operator==(const Demand&) const = default;

 private:
  T value_;
  bool any_ = false;
};

// Security version numbers of AMD SEV-SNP's parts, each the least that is accepted.
struct SnpVersions {
  uint32_t bootloader = 0;
  uint32_t tee = 0;
  uint32_t snp = 0;
  uint32_t microcode = 0;
  bool operator==(const SnpVersions&) const = default;
};

inline constexpr std::string_view kSimulatedTee = "simulated";

// A relying party's policy, as policy.toml says it (docs/policy.md). The defaults accept nothing.
struct Policy {
  Demand<crypto::Digest> job_digest = crypto::Digest{};
  Demand<crypto::Digest> dataset_root = crypto::Digest{};

  Demand<double> probability = 1.0;                                  // least p
  Demand<guarantee::Budget> budget = guarantee::Budget{true, 0, 0};  // largest
  Demand<uint32_t> lives = 0;                                        // largest number

  // Names: kSimulatedTee or those of attest::verify::kEvidenceKinds. "any" is any hardware that
  // keeps memory from its host; what does not (simulated, tpm) counts only by name.
  Demand<std::vector<std::string>> kinds = std::vector<std::string>{};
  Demand<std::vector<Bytes>> measurements = std::vector<Bytes>{};  // 32 or 48 bytes each
  // What was started after launch, where a TEE measures that apart (TDX: rtmr0 to rtmr3; vTPMs and
  // TPMs: pcr_digest): "rtmr1=<lower-case hex>" or "rtmr3=any" for every register that there is.
  Demand<std::vector<std::string>> runtime = std::vector<std::string>{};
  // Intel's statuses; other makers have none and are not held to it.
  Demand<std::vector<attest::verify::TcbStatus>> tcb = std::vector<attest::verify::TcbStatus>{};
  Demand<uint64_t> tcb_evaluation = ~uint64_t{0};  // least tcbEvaluationDataNumber (Intel)
  Demand<SnpVersions> snp_tcb = SnpVersions{~0u, ~0u, ~0u, ~0u};
  Demand<std::vector<std::string>> advisories = std::vector<std::string>{};  // that may be open
  Demand<uint64_t> collateral_days = uint64_t{0};  // largest age of collateral at the check's time

  // Who may have signed the grants of the starts. A host's own ("local") grants are none of theirs.
  Demand<std::vector<crypto::PublicKey>> owners = std::vector<crypto::PublicKey>{};
};

}  // namespace ginn::policy
