#include "base/text.h"
#include "policy/evaluate.h"

namespace ginn::policy {
namespace {

constexpr std::string_view kAny = "any";

template <typename T, typename Text>
std::string list(const Demand<std::vector<T>>& demand, std::string_view none, Text text) {
  if (demand.is_any()) return std::string(kAny);
  std::string out;
  for (const T& value : demand.value()) out += concat(out.empty() ? "" : ", ", text(value));
  return out.empty() ? std::string(none) : out;
}

std::string budget_text(const Demand<guarantee::Budget>& demand) {
  if (demand.is_any()) return std::string(kAny);
  const guarantee::Budget& budget = demand.value();
  if (budget.is_share) return concat("at most a share of ", budget.share);
  return concat("at most ", budget.count, " contributions");
}

template <typename T>
std::string bound(const Demand<T>& demand, std::string_view before, std::string_view after = "") {
  return demand.is_any() ? std::string(kAny) : concat(before, demand.value(), after);
}

std::string digest_text(const Demand<crypto::Digest>& demand) {
  return demand.is_any() ? std::string(kAny) : crypto::tagged(demand.value());
}

std::string tcb_text(const Policy& policy) {
  const std::string statuses = list(policy.tcb, "no status at all", [](const auto& status) {
    return attest::verify::tcb_status_name(status);
  });
  std::string snp(kAny);
  if (!policy.snp_tcb.is_any()) {
    const SnpVersions& least = policy.snp_tcb.value();
    snp = concat("at least bootloader ",
                 least.bootloader,
                 ", tee ",
                 least.tee,
                 ", snp ",
                 least.snp,
                 ", microcode ",
                 least.microcode);
  }
  return concat("Intel: ",
                statuses,
                " by evaluation ",
                bound(policy.tcb_evaluation, "at least "),
                "; AMD: ",
                snp);
}

}  // namespace

std::string demanded(const Policy& policy, std::string_view finding) {
  const auto itself = [](const std::string& text) { return text; };
  if (finding == "policy_job") return digest_text(policy.job_digest);
  if (finding == "policy_data") return digest_text(policy.dataset_root);
  if (finding == "policy_probability") return bound(policy.probability, "at least ");
  if (finding == "policy_budget") return budget_text(policy.budget);
  if (finding == "policy_lives") return bound(policy.lives, "at most ");
  if (finding == "policy_tee") {
    if (policy.kinds.is_any()) return "any hardware that keeps memory from its host";
    return list(policy.kinds, "none: the policy names no kind", itself);
  }
  if (finding == "policy_measurement") {
    return list(policy.measurements, "none: the policy names no measurement", [](const Bytes& m) {
      return to_hex(m);
    });
  }
  if (finding == "policy_runtime") {
    return list(policy.runtime, "none: the policy names no register", itself);
  }
  if (finding == "policy_tcb") return tcb_text(policy);
  if (finding == "policy_advisories") return list(policy.advisories, "none open", itself);
  if (finding == "policy_debug") return "never";
  if (finding == "policy_freshness") {
    return bound(policy.collateral_days, "issued at most ", " days before the check's time");
  }
  GINN_CHECK(finding == "policy_grants");
  return list(policy.owners, "none: the policy names no owner", [](const crypto::PublicKey& key) {
    return concat("ed25519:", to_hex(key));
  });
}

}  // namespace ginn::policy
