#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/verify/hardware/utc_time.h"
#include "policy/policy.h"

namespace ginn::policy {

// What a run turned out to be, all of it verified before it is compared with a policy.
struct TeeFacts {
  std::string kind;              // a name as in Policy::kinds
  bool isolates_memory = false;  // hardware that keeps memory from its host
  Bytes measurement;
  std::optional<attest::verify::TcbStatus> tcb;  // Intel
  std::optional<uint64_t> tcb_evaluation;        // Intel
  std::optional<SnpVersions> snp_tcb;            // AMD
  std::vector<std::string> advisories;           // open on the platform
  // When the oldest part of what vouches for the platform's state was issued; none without one.
  std::optional<attest::verify::UnixSeconds> issued;
  attest::verify::UnixSeconds at = 0;  // the time of the check
  bool debug = false;
  std::vector<std::string> runtime = {};  // as in Policy::runtime: "rtmr0=<hex>"
};

struct JobFacts {
  crypto::Digest digest{};
  crypto::Digest dataset_root{};
  double probability = 0;
  double budget_contributions = 0;  // k
  uint64_t contributions = 1;       // N
  bool replays_all = false;         // every contribution is replayed: no budget is left
  uint32_t lives = 1;
  bool unlimited_attempts = false;  // nobody counted the starts
};

struct GrantFact {
  crypto::PublicKey owner{};
  bool local = false;  // signed by the host that ran the training
};

// Parts are absent when what they come from did not verify.
struct Facts {
  std::optional<TeeFacts> tee;
  std::optional<JobFacts> job;
  std::optional<std::vector<GrantFact>> grants;
};

enum class Outcome : uint8_t { kMet, kNotMet, kNotChecked };

struct Finding {
  std::string_view name;  // of kFindings; the code, too
  Outcome outcome = Outcome::kNotChecked;
  std::string found;     // in words; printable once escaped
  std::string demanded;  // by the policy, in words
};

// The comparisons, in their order.
inline constexpr std::string_view kFindings[] = {"policy_job",
                                                 "policy_data",
                                                 "policy_probability",
                                                 "policy_budget",
                                                 "policy_lives",
                                                 "policy_tee",
                                                 "policy_measurement",
                                                 "policy_runtime",
                                                 "policy_tcb",
                                                 "policy_advisories",
                                                 "policy_debug",
                                                 "policy_freshness",
                                                 "policy_grants"};

// Every comparison, whatever the others give. Pure: no clock, no file.
std::vector<Finding> evaluate(const Policy& policy, const Facts& facts);

// The demand of a finding, in words, for a policy alone.
std::string demanded(const Policy& policy, std::string_view finding);

}  // namespace ginn::policy
