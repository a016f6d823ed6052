#include "attest/verify/hardware/kind.h"
#include "base/text.h"
#include "import/toml_policy.h"

namespace ginn::import {
namespace {

template <typename List, typename Text>
std::string array(const List& list, Text text) {
  std::string out;
  for (const auto& value : list) out += concat(out.empty() ? "" : ", ", "\"", text(value), "\"");
  return concat("[", out, "]");
}

std::string measurement_text(const Bytes& bytes) {
  return concat(bytes.size() == 48 ? "sha384:" : "sha256:", to_hex(bytes));
}

// TOML needs a point or an exponent in a number that is not an integer.
std::string number_text(std::string text) {
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string budget_text(const guarantee::Budget& budget) {
  return budget.is_share ? number_text(concat(budget.share)) : concat(budget.count);
}

std::vector<std::string> hardware_kinds() {
  std::vector<std::string> names;
  for (const auto kind : attest::verify::kEvidenceKinds) {
    if (attest::verify::isolation_of(kind) == attest::verify::Isolation::kTee) {
      names.emplace_back(attest::verify::kind_name(kind));
    }
  }
  return names;
}

// @NAME@ stands for a value.
constexpr std::string_view kTemplate =
    R"(# What you demand of a run before you rely on its model: ginn verify DIR --policy THIS_FILE
# Every key must be here. "any" gives a demand up, in writing. docs/policy.md explains each.
version = 1

[job]
# Of your job, as it was resolved on your machine.
digest = "@DIGEST@"

[data]
# Of the training data that you vetted.
root = "@ROOT@"

[guarantee]
# The least p: a run tampered with by the budget passes with at most 1 - p.
probability = @PROBABILITY@
# The largest budget: below it an attacker keeps norm-limited gradients. A share (0.01), or a count.
budget = @BUDGET@
# The largest number of starts: each one is another try for an attacker.
lives = @LIVES@

[tee]
# Simulated evidence and a TPM by itself count only by name; "any" is any other hardware.
kinds = @KINDS@
# The verifier's program as the TEE measures it: "sha256:.." (SGX, simulated), "sha384:.." (others).
# An empty list accepts nothing: put in what you computed or reviewed.
measurements = @MEASUREMENTS@
# What was started after launch, where that is measured apart: "rtmr0=.." to "rtmr3=.." (TDX),
# "pcr_digest=.." (TPM, Azure). Each register needs an entry; "rtmr3=any" gives one up.
runtime = []
# Intel's words for the platform's patches that you accept: "SWHardeningNeeded" is another one.
tcb = ["UpToDate"]
# The least tcbEvaluationDataNumber of Intel's collateral.
tcb_evaluation = @EVALUATION@
# The least [bootloader, tee, snp, microcode] of AMD. 255 accepts nothing: put in those you want.
snp_tcb = @SNP@
# Open advisories that you accept, by name: "INTEL-SA-00615".
advisories = []
# A TEE in debug mode protects nothing: there is no other answer.
debug = "never"
# The largest age of the maker's statement on the platform at the time of the check (--at). AMD's
# reports have none with a date: "any" is the only answer that takes them.
collateral_days = @DAYS@

[grants]
# Keys that may permit a start, "ed25519:..". An empty list accepts nothing; "any" takes the
# training host's own permission, too, which limits nothing.
owners = @OWNERS@
)";

std::string filled(const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string text(kTemplate);
  for (const auto& [name, value] : values) {
    const std::string mark = concat("@", name, "@");
    const size_t at = text.find(mark);
    GINN_CHECK(at != std::string::npos);
    text.replace(at, mark.size(), value);
  }
  return text;
}

}  // namespace

std::string policy_text(const job::Job& job, const PolicyChoices& choices) {
  const auto itself = [](const std::string& name) { return name; };
  const auto key = [](const auto& k) { return concat("ed25519:", to_hex(k)); };
  const auto kinds = choices.kinds.empty() ? hardware_kinds() : choices.kinds;
  // Neither Intel nor AMD vouches for a simulation.
  const bool simulated = kinds == std::vector<std::string>{std::string(policy::kSimulatedTee)};
  const auto of_hardware = [simulated](std::string_view value) {
    return std::string(simulated ? "\"any\"" : value);
  };
  return filled({{"DIGEST", crypto::tagged(job::digest(job))},
                 {"ROOT", crypto::tagged(job.data.root())},
                 {"PROBABILITY", number_text(concat(job.probability))},
                 {"BUDGET", budget_text(job.budget)},
                 {"LIVES", job.unlimited_attempts ? "\"any\"" : concat(job.lives)},
                 {"KINDS", array(kinds, itself)},
                 {"MEASUREMENTS", array(choices.measurements, measurement_text)},
                 {"EVALUATION", of_hardware("0")},
                 {"SNP", of_hardware("[255, 255, 255, 255]")},
                 {"DAYS", of_hardware("30")},
                 {"OWNERS", array(choices.owners, key)}});
}

}  // namespace ginn::import
