#include "certificate/issue/terms.h"

#include <cmath>

#include "base/text.h"

namespace ginn::certificate {
namespace {

constexpr std::string_view kFromTheJob =
    "in any byte, after clipping and quantising, from what the job defines at the weights that "
    "this "
    "run really had.";
constexpr std::string_view kAttempts =
    " Attempts are not limited: of n of them, one passes with at most n times that probability.";
constexpr std::string_view kCondition =
    " This holds as far as the evidence shows that the verifier ran as measured, in a TEE that "
    "keeps "
    "its promises.";

}  // namespace

uint64_t Terms::forced_replays() const {
  // contributions = steps * microbatches, below 2^56.
  return (steps - sampling.all_from_step()) * (sampling.contributions() / steps);
}

namespace {

// `all` and `replayed`: about the contributions that are replayed without a coin.
std::string sentence(const Terms& terms, std::string_view all, std::string_view replayed) {
  const uint64_t contributions = terms.sampling.contributions();
  if (terms.forced_replays() == contributions) {
    return concat("Each of the ", contributions, " contributions ", all, kFromTheJob, kCondition);
  }
  // Deviations are whole contributions: weighing at least k means numbering at least ceil(k).
  const auto budget = static_cast<uint64_t>(std::ceil(terms.sampling.budget_contributions()));
  std::string share;
  if (terms.budget.is_share) share = concat(" (a share of ", terms.budget.share, ")");
  std::string last;
  if (terms.forced_replays() > 0) {
    last = concat(" Each of the last ", terms.forced_replays(), " contributions ", replayed, ".");
  }
  return concat(
      "Whatever worker and host do, the probability over the verifier's coins that a certificate "
      "is issued within ",
      terms.unlimited_attempts ? "one attempt"
                               : concat("the granted lives (at most ", terms.lives, ")"),
      " AND at least ",
      budget,
      " of the ",
      contributions,
      " contributions",
      share,
      " are deviations is at most 1 - ",
      terms.probability,
      ". A deviation is a contribution that differs ",
      kFromTheJob,
      terms.unlimited_attempts ? kAttempts : "",
      " It is not the probability that this model is clean, nor a claim that it equals the honest "
      "model.",
      last,
      kCondition);
}

}  // namespace

std::string guarantee_statement(const Terms& terms) {
  return sentence(terms, "was replayed by the verifier; none differed ", "was replayed");
}

std::string guarantee_promise(const Terms& terms) {
  return sentence(
      terms,
      "will be replayed by the verifier, which issues a certificate only if none differs ",
      "will be replayed");
}

crypto::Json guarantee_json(const Terms& terms, uint64_t replayed) {
  using crypto::Json;
  const guarantee::Sampling& sampling = terms.sampling;
  const double k = sampling.budget_contributions();
  const auto total = static_cast<double>(sampling.contributions());
  Json::Object budget;
  budget["contributions"] = k;
  budget["share"] = terms.budget.is_share ? terms.budget.share : k / total;
  Json::Object out;
  out["statement"] = guarantee_statement(terms);
  out["probability"] = terms.probability;
  out["budget"] = std::move(budget);
  out["contributions"] = Json::integer(sampling.contributions());
  out["replayed"] = Json::integer(replayed);
  out["expectedReplays"] = sampling.expected_replays();
  out["q"] = sampling.q();
  out["threshold"] = Json::integer(sampling.threshold());
  out["verify"] = terms.verify == guarantee::Verify::kAll ? "all" : "sample";
  out["verifyLast"] = terms.verify_last;
  out["lives"] = terms.unlimited_attempts ? Json("unlimited") : Json::integer(terms.lives);
  return out;
}

}  // namespace ginn::certificate
