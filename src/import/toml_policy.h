#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "job/job.h"
#include "policy/policy.h"

namespace ginn::import {

inline constexpr size_t kPolicyFileBytesMax = size_t{1} << 18;

// A relying party's policy.toml (docs/policy.md). Every key must be there; "any" is how a demand is
// given up. Code "policy_file"; the message has a line "file:line: key: message" for each problem:
// syntax, unknown keys (with what was probably meant), wrong types, values out of range, missing
// keys.
Result<policy::Policy> parse_policy_file(std::string_view text, std::string_view file_name);

// "sha256:" and 64, or "sha384:" and 96 lower-case hex digits; nothing for any other text.
std::optional<Bytes> parse_measurement(std::string_view text);

// What a policy cannot learn from a job.
struct PolicyChoices {
  std::vector<std::string> kinds;         // names; empty: all hardware that isolates memory
  std::vector<Bytes> measurements;        // empty: none, so nothing passes until one is put in
  std::vector<crypto::PublicKey> owners;  // the same
};

// The strictest policy that a run of `job` can meet, commented: what `ginn policy init` writes.
std::string policy_text(const job::Job& job, const PolicyChoices& choices);

}  // namespace ginn::import
