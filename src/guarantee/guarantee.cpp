#include "guarantee/guarantee.h"

#include <cmath>
#include <limits>

#include "base/text.h"

namespace ginn::guarantee {
namespace {

// Upper limits under which no product of this file overflows (docs/guarantee.md).
constexpr uint64_t kStepsLimit = uint64_t{1} << 40;
constexpr uint32_t kMicrobatchesMax = 65536;
constexpr uint32_t kLivesMax = 64;
constexpr double kEpsMin = 0x1p-40;

// Relative margin by which probabilities are rounded to the safe side. Every quantity below is made
// of at most 300 IEEE operations, each within 2^-53 of exact and none a cancellation, so the
// relative error is below 300 * 2^-53 < 2^-44, sixteen times less than the margin.
constexpr double kMargin = 0x1p-40;

// exp(-y) for y >= 0, to a few units in the last place. Made of IEEE operations alone, not of libm,
// so that the threshold in a certificate is the same number on every machine that checks it.
double exp_minus(double y) {
  if (!(y < 1100.0)) return 0.0;  // below the smallest double
  constexpr double kInverseLn2 = 0x1.71547652b82fep+0;
  constexpr double kLn2High = 0x1.62e42fee00000p-1;  // 32 bits: n * kLn2High is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const double n = std::floor(y * kInverseLn2 + 0.5);
  const double r = (y - n * kLn2High) - n * kLn2Low;  // |r| <= 0.3466
  double sum = 1.0;                                   // Taylor: 0.3466^21 / 21! < 2^-90
  for (int i = 20; i >= 1; --i) sum = 1.0 - r / i * sum;
  return std::ldexp(sum, -static_cast<int>(n));
}

// 1 - exp(-y) for y >= 0, to a few units in the last place.
double one_minus_exp(double y) {
  if (y >= 0.5) return 1.0 - exp_minus(y);  // exp(-y) < 0.61: nothing cancels
  double sum = 1.0;                         // Taylor: 0.5^24 / 25! < 2^-100
  for (int i = 24; i >= 2; --i) sum = 1.0 - y / i * sum;
  return y * sum;
}

// ceil(q 2^64) for a q computed with the margin, or 2^64 (as a double) when that is reached.
double scaled_threshold(double q) { return std::ceil(std::ldexp(q * (1.0 + kMargin), 64)); }

}  // namespace

double poisson_escape(double x, uint32_t lives) {
  GINN_CHECK(x >= 0.0 && lives >= 1 && lives <= kLivesMax);
  // exp(-x) as the product of two halves: the terms neither overflow nor vanish too early.
  const double half = exp_minus(x / 2.0);
  double term = half;
  double sum = half;
  for (uint32_t i = 1; i < lives; ++i) {
    term *= x / i;
    sum += term;
  }
  const double escape = half > 0.0 ? half * sum : 0.0;
  return escape < 1.0 ? escape : 1.0;
}

double exposure(double eps, uint32_t lives) {
  GINN_CHECK(eps >= 0x1p-64 && eps <= 0.5 && lives >= 1 && lives <= kLivesMax);
  // The escape falls with x. `high` always satisfies computed escape <= eps (1 - margin), hence
  // true escape <= eps in spite of rounding: the result is on the safe side.
  const double target = eps * (1.0 - kMargin);
  double low = 0.0;
  double high = 512.0;  // P(Poisson(512) <= 63) < 2^-64
  while (true) {
    const double middle = low + (high - low) / 2.0;
    if (middle <= low || middle >= high) return high;
    (poisson_escape(middle, lives) <= target ? high : low) = middle;
  }
}

double finite_escape(uint64_t k, double q, uint32_t lives) {
  GINN_CHECK(q >= 0.0 && q <= 1.0 && lives >= 1 && lives <= kLivesMax);
  if (k == 0 || q <= 0.0) return 1.0;
  if (q >= 1.0) return 0.0;
  // Logarithms: for a large k the binomials overflow while (1 - q)^k underflows.
  const double none_picked = static_cast<double>(k) * std::log1p(-q);
  double log_term = none_picked;
  double sum = std::exp(log_term);
  for (uint32_t r = 1; r < lives; ++r) {
    log_term += std::log((static_cast<double>(k) - 1.0 + r) / r) + std::log(q);
    sum += std::exp(log_term);
  }
  return sum < 1.0 ? sum : 1.0;
}

double budget_count(const Budget& budget, uint64_t contributions) {
  return budget.is_share ? budget.share * static_cast<double>(contributions)
                         : static_cast<double>(budget.count);
}

namespace {

Status check_budget(const Budget& budget, uint64_t contributions) {
  if (budget.is_share && !(budget.share > 0.0 && budget.share <= 1.0)) {
    return input_error(
        "budget_range",
        concat("integrity.budget: share is ", budget.share, "; allowed: above 0, up to 1"));
  }
  if (!budget.is_share && (budget.count < 1 || budget.count > contributions)) {
    return input_error("budget_range",
                       concat("integrity.budget: count is ",
                              budget.count,
                              "; allowed: 1 to the job's ",
                              contributions,
                              " contributions"));
  }
  return ok_status();
}

// Comparisons are written so that NaN fails them.
Status check_ranges(double probability, double verify_last, uint32_t lives) {
  if (!(probability >= 0.5 && probability <= 1.0 - kEpsMin)) {
    return input_error("probability_range",
                       concat("integrity.probability: found ",
                              probability,
                              "; allowed: 0.5 to 1 - 2^-40 (0.999 is usual)"));
  }
  if (!(verify_last >= 0.0 && verify_last <= 1.0)) {
    return input_error(
        "verify_last_range",
        concat(
            "integrity.verify_last: found ", verify_last, "; allowed: 0 to 1, a share of steps"));
  }
  if (lives < 1 || lives > kLivesMax) {
    return input_error("lives_range",
                       concat("integrity.lives: found ", lives, "; allowed: 1 to ", kLivesMax));
  }
  return ok_status();
}

}  // namespace

Result<Sampling> Sampling::create(double probability,
                                  Budget budget,
                                  double verify_last,
                                  uint32_t lives,
                                  Verify verify,
                                  uint64_t steps,
                                  uint32_t microbatches) {
  if (steps < 1 || steps >= kStepsLimit || microbatches < 1 || microbatches > kMicrobatchesMax) {
    return input_error("contributions_range",
                       concat("the job has ",
                              steps,
                              " steps of ",
                              microbatches,
                              " microbatches; allowed: 1 to 2^40 - 1 steps of 1 to 65536"));
  }
  GINN_TRY(check_ranges(probability, verify_last, lives));
  const uint64_t contributions = steps * microbatches;  // < 2^56
  GINN_TRY(check_budget(budget, contributions));

  Sampling result;
  result.steps_ = steps;
  result.microbatches_ = microbatches;
  result.contributions_ = contributions;
  result.k_ = budget_count(budget, contributions);
  result.exposure_ = guarantee::exposure(1.0 - probability, lives);  // exact for p in [0.5, 1]
  // Steps below 2^40 are exact doubles; verify_last <= 1, so the product is at most `steps`.
  const double last = std::ceil(verify_last * static_cast<double>(steps));
  result.all_from_step_ = steps - static_cast<uint64_t>(last);

  // A budget of at most one contribution: a single deviation already weighs as much, so no coin.
  const bool all = verify == Verify::kAll || result.k_ <= 1.0;
  result.q_ = all ? 1.0 : one_minus_exp(result.exposure_ / result.k_);
  const double threshold = scaled_threshold(result.q_);
  if (threshold >= 0x1p64) {
    // 2^64 - 1 would miss one coin value: replay without a coin instead.
    result.q_ = 1.0;
    result.threshold_ = std::numeric_limits<uint64_t>::max();
    result.all_from_step_ = 0;
  } else {
    result.threshold_ = static_cast<uint64_t>(threshold);
  }
  return result;
}

double Sampling::expected_replays() const {
  const auto sampled = static_cast<double>(all_from_step_);
  const auto always = static_cast<double>(steps_ - all_from_step_);
  return (sampled * q_ + always) * microbatches_;
}

bool Sampling::replayed(uint64_t step, uint64_t coin) const {
  return step >= all_from_step_ || coin < threshold_;
}

Cost cost(const Sampling& sampling, const CostConstants& constants) {
  const auto contributions = static_cast<double>(sampling.contributions());
  Cost result{};
  result.pure_tee_seconds = contributions * constants.replay_seconds;
  result.trusted_seconds = contributions * constants.intake_seconds +
                           sampling.expected_replays() * constants.replay_seconds +
                           constants.fixed_seconds;
  if (result.pure_tee_seconds > 0.0)
    result.ratio = result.trusted_seconds / result.pure_tee_seconds;
  return result;
}

}  // namespace ginn::guarantee
