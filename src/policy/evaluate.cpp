#include "policy/evaluate.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::policy {
namespace {

constexpr int64_t kDaySeconds = 86400;

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

template <typename T>
bool named(const Demand<std::vector<T>>& demand, const T& value) {
  return demand.is_any() || contains(demand.value(), value);
}

bool within(const Demand<guarantee::Budget>& demand, const JobFacts& job) {
  if (demand.is_any() || job.replays_all) return true;
  const guarantee::Budget& budget = demand.value();
  const auto total = static_cast<double>(job.contributions);
  const double most = budget.is_share ? budget.share * total : static_cast<double>(budget.count);
  return job.budget_contributions <= most;
}

bool at_least(const SnpVersions& found, const SnpVersions& least) {
  return found.bootloader >= least.bootloader && found.tee >= least.tee && found.snp >= least.snp &&
         found.microcode >= least.microcode;
}

std::string snp_text(const SnpVersions& v) {
  return concat(
      "bootloader ", v.bootloader, ", tee ", v.tee, ", snp ", v.snp, ", microcode ", v.microcode);
}

class Evaluation {
 public:
  explicit Evaluation(const Policy& policy) : policy_(policy) {}

  void job(const JobFacts& job) {
    const auto same = [](const Demand<crypto::Digest>& demand, const crypto::Digest& found) {
      return demand.is_any() || demand.value() == found;
    };
    note("policy_job", same(policy_.job_digest, job.digest), crypto::tagged(job.digest));
    note("policy_data",
         same(policy_.dataset_root, job.dataset_root),
         crypto::tagged(job.dataset_root));
    note("policy_probability",
         policy_.probability.is_any() || job.probability >= policy_.probability.value(),
         concat(job.probability));
    const double share = job.budget_contributions / static_cast<double>(job.contributions);
    note("policy_budget",
         within(policy_.budget, job),
         job.replays_all ? std::string("every contribution was replayed")
                         : concat(job.budget_contributions,
                                  " of ",
                                  job.contributions,
                                  " contributions, a share of ",
                                  share));
    note("policy_lives",
         policy_.lives.is_any() || (!job.unlimited_attempts && job.lives <= policy_.lives.value()),
         job.unlimited_attempts ? "attempts are not limited" : concat(job.lives));
  }

  void tee(const TeeFacts& tee) {
    // What keeps no memory from its host counts only by name.
    note("policy_tee",
         policy_.kinds.is_any() ? tee.isolates_memory : contains(policy_.kinds.value(), tee.kind),
         tee.kind);
    note("policy_measurement",
         named(policy_.measurements, tee.measurement),
         to_hex(tee.measurement));
    runtime(tee);
    note("policy_tcb", tcb_met(tee), tcb_found(tee));
    std::string open;
    bool allowed = true;
    for (const std::string& advisory : tee.advisories) {
      open += concat(open.empty() ? "" : ", ", advisory);
      allowed = allowed && named(policy_.advisories, advisory);
    }
    note("policy_advisories", allowed, open.empty() ? "none open" : open);
    note("policy_debug", !tee.debug, tee.debug ? "debug mode" : "not in debug mode");
    freshness(tee);
  }

  // `needless`: the job asks for none.
  void grants(const std::vector<GrantFact>& grants, bool needless) {
    bool met = !grants.empty() || (needless && policy_.owners.is_any());
    std::string found;
    for (const GrantFact& grant : grants) {
      met = met && (policy_.owners.is_any() ||
                    (!grant.local && contains(policy_.owners.value(), grant.owner)));
      found += concat(found.empty() ? "" : ", ",
                      "ed25519:",
                      to_hex(grant.owner),
                      grant.local ? " (the training host itself)" : "");
    }
    note("policy_grants", met, found.empty() ? "no grant" : found);
  }

  std::vector<Finding> finish() {
    std::vector<Finding> ordered;
    for (std::string_view name : kFindings) {
      const auto found = std::find_if(
          findings_.begin(), findings_.end(), [name](const Finding& f) { return f.name == name; });
      if (found != findings_.end()) {
        ordered.push_back(std::move(*found));
      } else {
        ordered.push_back({name, Outcome::kNotChecked, "", demanded(policy_, name)});
      }
    }
    return ordered;
  }

 private:
  void note(std::string_view name, bool met, std::string found) {
    findings_.push_back(
        {name, met ? Outcome::kMet : Outcome::kNotMet, std::move(found), demanded(policy_, name)});
  }

  void runtime(const TeeFacts& tee) {
    std::string found;
    bool met = true;
    for (const std::string& reg : tee.runtime) {
      const std::string whatever = concat(reg.substr(0, reg.find('=')), "=any");
      met = met && (named(policy_.runtime, reg) || named(policy_.runtime, whatever));
      found += concat(found.empty() ? "" : ", ", reg);
    }
    note("policy_runtime", met, found.empty() ? "this TEE measures all at launch" : found);
  }

  // Each maker's own measure; a TEE without one has nothing that could fall short.
  bool tcb_met(const TeeFacts& tee) const {
    const bool status = !tee.tcb || named(policy_.tcb, *tee.tcb);
    const bool evaluation = !tee.tcb_evaluation || policy_.tcb_evaluation.is_any() ||
                            *tee.tcb_evaluation >= policy_.tcb_evaluation.value();
    const bool snp =
        !tee.snp_tcb || policy_.snp_tcb.is_any() || at_least(*tee.snp_tcb, policy_.snp_tcb.value());
    return status && evaluation && snp;
  }

  static std::string tcb_found(const TeeFacts& tee) {
    std::string out;
    if (tee.tcb) out += attest::verify::tcb_status_name(*tee.tcb);
    if (tee.tcb_evaluation) out += concat(" by evaluation ", *tee.tcb_evaluation);
    if (tee.snp_tcb) out += snp_text(*tee.snp_tcb);
    return out.empty() ? std::string("this kind of TEE states none") : out;
  }

  void freshness(const TeeFacts& tee) {
    const std::string at = attest::verify::utc_time_text(tee.at);
    if (!tee.issued) {
      // Nothing dated vouches for the platform's state: only "any" takes that.
      note("policy_freshness",
           policy_.collateral_days.is_any(),
           concat("nothing dated; checked for ", at));
      return;
    }
    const int64_t age = tee.at - *tee.issued;
    const bool met = policy_.collateral_days.is_any() ||
                     (age >= 0 && static_cast<uint64_t>(age) <=
                                      policy_.collateral_days.value() * uint64_t{kDaySeconds});
    note("policy_freshness",
         met,
         concat("issued ", attest::verify::utc_time_text(*tee.issued), "; checked for ", at));
  }

  const Policy& policy_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> evaluate(const Policy& policy, const Facts& facts) {
  Evaluation evaluation(policy);
  if (facts.job) evaluation.job(*facts.job);
  if (facts.tee) evaluation.tee(*facts.tee);
  if (facts.grants) evaluation.grants(*facts.grants, facts.job && facts.job->unlimited_attempts);
  return evaluation.finish();
}

}  // namespace ginn::policy
