#include "attack/advice.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "crypto/sha256.h"

namespace ginn::attack {
namespace {

constexpr double kSlack = 1e-9;  // of comparisons between rounded products

// The data and the shape of a step that all trainings had.
constexpr std::string_view kFashionMnist =
    "sha256:fe1bcf84e640dcf1d95a037b7fb7d08ca6933a5e72999e3309a4f82ec17c3f16";
constexpr uint32_t kMicrobatch = 32, kMicrobatches = 4;

bool is_best(const MeasuredAttack& row) { return std::string_view(row.attack) == kBestAttack; }

bool network_measured(const std::string& model) {
  return std::any_of(
      measured_attacks().begin(), measured_attacks().end(), [&](const MeasuredAttack& row) {
        return is_best(row) && job_of(row).model == model;
      });
}

std::vector<std::string> outside(const job::Job& job, bool network) {
  uint64_t shortest = measured_jobs()[0].steps, longest = shortest;
  double lowest = 1.0, highest = 0.0;
  for (const MeasuredJob& measured : measured_jobs()) {
    shortest = std::min(shortest, measured.steps);
    longest = std::max(longest, measured.steps);
    lowest = std::min(lowest, measured.momentum);
    highest = std::max(highest, measured.momentum);
  }
  std::vector<std::string> found;
  const auto add = [&](bool differs, const char* what) {
    if (differs) found.emplace_back(what);
  };
  add(!network, "the network");
  add(crypto::tagged(job.data.root()) != kFashionMnist, "the data");
  add(job.preprocess.crop != 0 || job.preprocess.flip || job.preprocess.pad != 0, "augmentation");
  add(job.steps < shortest || job.steps > longest, "the number of steps");
  add(job.microbatch != kMicrobatch || job.microbatches() != kMicrobatches, "the shape of a step");
  add(job.lr.schedule != job::Schedule::kCosine, "the schedule");
  add(job.momentum < lowest || job.momentum > highest || job.nesterov, "the momentum");
  add(job.weight_decay != 0.0, "weight decay");
  add(job.label_smoothing != 0.0, "label smoothing");
  add(job.weights.has_value() || !job.freeze.empty() || !job.groups.empty(), "transfer learning");
  return found;
}

// Of the jobs of `model` (empty: of all) that the best attacker was tried against: how far their
// contributions move the weights. The least that is at least `asked`, or the largest.
double nearest_reach(const std::string& model, double asked) {
  std::set<double> all;
  for (const MeasuredAttack& row : measured_attacks()) {
    const MeasuredJob& job = job_of(row);
    if (is_best(row) && (model.empty() || job.model == model)) all.insert(reach(job));
  }
  GINN_CHECK(!all.empty());
  const auto found = all.lower_bound(asked * (1.0 - kSlack));
  return found == all.end() ? *all.rbegin() : *found;
}

// The largest harmless and the smallest harmful number of `rows`.
void find_border(const std::vector<const MeasuredAttack*>& rows, Advice& advice) {
  for (const MeasuredAttack* row : rows) {
    if (row->succeeded == 0) continue;
    const MeasuredAttack* worst = advice.worst;
    if (worst == nullptr || row->count < worst->count ||
        (row->count == worst->count && row->most_hits > worst->most_hits)) {
      advice.worst = row;
    }
  }
  advice.harmful = advice.worst == nullptr ? 0 : advice.worst->count;
  for (const MeasuredAttack* row : rows) {
    if (!is_best(*row) || (advice.harmful != 0 && row->count > advice.harmful)) continue;
    advice.rests_on.push_back(row);
    if (advice.harmful == 0 || row->count < advice.harmful) {
      advice.harmless = std::max(advice.harmless, row->count);
    }
  }
}

// Contributions that move the weights further than any that were measured: fewer of them, in
// proportion.
void scale(double ratio, Advice& advice) {
  advice.harmless = static_cast<uint64_t>(static_cast<double>(advice.harmless) / ratio);
  if (advice.harmful == 0) return;
  const double harmful = std::ceil(static_cast<double>(advice.harmful) / ratio);
  advice.harmful = std::max<uint64_t>(1, static_cast<uint64_t>(harmful));
}

// Three digits are enough for a job file; rounded down, so that the advice holds for what it says.
double round_down(double value) {
  const double unit = std::pow(10.0, std::floor(std::log10(value)) - 2.0);
  return std::floor(value / unit * (1.0 + kSlack)) * unit;
}

Coverage coverage(const job::Job& job, const guarantee::Sampling& sampling, const Advice& advice) {
  const auto passes = [&](uint64_t count) {
    return guarantee::finite_escape(count, sampling.q(), job.lives) > kEscape * (1.0 + kSlack);
  };
  if (sampling.q() >= 1.0) return Coverage::kCovered;
  if (advice.harmful != 0 && passes(advice.harmful)) return Coverage::kWeaker;
  return passes(advice.harmless) ? Coverage::kBetween : Coverage::kCovered;
}

}  // namespace

Advice advise(const job::Job& job, const guarantee::Sampling& sampling) {
  Advice advice;
  const bool network = network_measured(job.model);
  const std::string model = network ? job.model : "";
  advice.outside = outside(job, network);
  advice.reach = reach(job);
  advice.measured_reach = nearest_reach(model, advice.reach);
  std::vector<const MeasuredAttack*> rows;
  for (const MeasuredAttack& row : measured_attacks()) {
    const MeasuredJob& measured = job_of(row);
    const bool same = reach(measured) == advice.measured_reach;
    if (same && (model.empty() || measured.model == model)) rows.push_back(&row);
  }
  find_border(rows, advice);
  const double ratio = advice.reach / advice.measured_reach;
  if (ratio > 1.0 + kSlack) {
    advice.outside.emplace_back("how far a contribution moves the weights");
    scale(ratio, advice);
  }
  advice.clip_norm = round_down(job.clip_norm * nearest_reach(model, INFINITY) / advice.reach);
  if (advice.harmful != 0) {
    advice.escape_harmful = guarantee::finite_escape(advice.harmful, sampling.q(), job.lives);
  }
  advice.coverage = coverage(job, sampling, advice);
  advice.budget = std::clamp<uint64_t>(advice.harmless, 1, job.contributions());
  const auto recommended = guarantee::Sampling::create(1.0 - kEscape,
                                                       {false, 0.0, advice.budget},
                                                       job.verify_last,
                                                       job.lives,
                                                       guarantee::Verify::kSample,
                                                       job.steps,
                                                       job.microbatches());
  GINN_CHECK(recommended.ok());
  advice.expected_replays = recommended->expected_replays();
  return advice;
}

}  // namespace ginn::attack
