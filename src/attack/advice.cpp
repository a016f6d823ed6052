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

// What the advice goes by: others are in docs/attacks.md to compare with.
bool advises(const MeasuredJob& job) {
  return job.momentum == 0.9 && job.schedule == job::Schedule::kCosine;
}

bool is_best(const MeasuredAttack& row) { return std::string_view(row.attack) == kBestAttack; }

// Jobs of `model` (empty: any) that kBestAttack was tried against.
std::vector<const MeasuredJob*> attacked_jobs(const std::string& model) {
  std::set<const MeasuredJob*> found;
  for (const MeasuredAttack& row : measured_attacks()) {
    const MeasuredJob& job = job_of(row);
    if (is_best(row) && advises(job) && (model.empty() || job.model == model)) found.insert(&job);
  }
  return {found.begin(), found.end()};
}

// Of `all`, those whose `value` is the least that is at least `asked`, or else the largest.
template <typename Value>
std::vector<const MeasuredJob*> nearest(const std::vector<const MeasuredJob*>& all,
                                        double asked,
                                        const Value& value) {
  GINN_CHECK(!all.empty());
  double above = INFINITY, largest = 0.0;
  for (const MeasuredJob* job : all) {
    largest = std::max(largest, value(*job));
    if (value(*job) >= asked * (1.0 - kSlack)) above = std::min(above, value(*job));
  }
  const double chosen = above < INFINITY ? above : largest;
  std::vector<const MeasuredJob*> found;
  for (const MeasuredJob* job : all) {
    if (value(*job) == chosen) found.push_back(job);
  }
  return found;
}

std::vector<std::string> outside(const job::Job& job, bool network, bool shape) {
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
  add(!shape, "the shape of a step");
  add(job.lr.schedule != job::Schedule::kCosine, "the schedule");
  add(job.momentum < lowest || job.momentum > highest || job.nesterov, "the momentum");
  add(job.weight_decay != 0.0, "weight decay");
  add(job.label_smoothing != 0.0, "label smoothing");
  add(job.weights.has_value() || !job.freeze.empty() || !job.groups.empty(), "transfer learning");
  return found;
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

// Fewer of them, in proportion.
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

// Those with as many images a contribution as the job, or else as most that were attacked.
std::vector<const MeasuredJob*> shaped_jobs(const std::vector<const MeasuredJob*>& jobs,
                                            uint32_t microbatch) {
  std::vector<const MeasuredJob*> own, usual;
  for (const MeasuredJob* measured : jobs) {
    if (measured->microbatch == microbatch) own.push_back(measured);
    if (measured->microbatch == kMicrobatch) usual.push_back(measured);
  }
  return own.empty() ? usual : own;
}

double reach_of(const MeasuredJob& job) { return reach(job); }
double rarity_of(const MeasuredJob& job) { return 1.0 / static_cast<double>(job.steps); }

// What was tried on jobs whose steps are as long as this one's, and that run no longer.
std::vector<const MeasuredAttack*> comparable(const std::vector<const MeasuredJob*>& shaped,
                                              const job::Job& job) {
  const auto jobs = nearest(
      nearest(shaped, reach(job), reach_of), 1.0 / static_cast<double>(job.steps), rarity_of);
  std::vector<const MeasuredAttack*> rows;
  for (const MeasuredAttack& row : measured_attacks()) {
    if (std::find(jobs.begin(), jobs.end(), &job_of(row)) != jobs.end()) rows.push_back(&row);
  }
  return rows;
}

// How many times as long the run was that `rows` are of; at most 1 where it was no longer.
double shortness(const std::vector<const MeasuredAttack*>& rows, const job::Job& job) {
  return static_cast<double>(job_of(*rows[0]).steps) / static_cast<double>(job.steps);
}

void add_once(const char* what, std::vector<std::string>& all) {
  if (std::find(all.begin(), all.end(), what) == all.end()) all.emplace_back(what);
}

double replays_for(const job::Job& job, uint64_t budget) {
  const auto sampling = guarantee::Sampling::create(1.0 - kEscape,
                                                    {false, 0.0, budget},
                                                    job.verify_last,
                                                    job.lives,
                                                    guarantee::Verify::kSample,
                                                    job.steps,
                                                    job.microbatches());
  GINN_CHECK(sampling.ok());
  return sampling->expected_replays();
}

// The largest smaller microbatch, of those that were measured with this network, that at least
// halves the share of the images that are replayed.
std::optional<SmallerMicrobatch> smaller_microbatch(const job::Job& job, const Advice& advice) {
  std::set<uint32_t, std::greater<>> sizes;
  for (const MeasuredJob* measured : attacked_jobs(job.model)) {
    if (measured->microbatch < job.microbatch && job.batch % measured->microbatch == 0) {
      sizes.insert(measured->microbatch);
    }
  }
  for (const uint32_t size : sizes) {
    job::Job other = job;
    other.microbatch = size;
    const auto shaped = shaped_jobs(attacked_jobs(job.model), size);
    const double most = reach(*nearest(shaped, INFINITY, reach_of)[0]);
    // Steps as long as the job's: what differs between microbatches falls with the root of their
    // images.
    const double alike = std::sqrt(static_cast<double>(job.microbatch) / size);
    other.clip_norm = round_down(job.clip_norm * std::min(alike, most / reach(other)));
    Advice found;
    const auto rows = comparable(shaped, other);
    if (shortness(rows, other) > 1.0) continue;
    find_border(rows, found);
    if (found.harmless == 0 || found.harmless > other.contributions()) continue;
    const double share =
        replays_for(other, found.harmless) / static_cast<double>(other.contributions());
    const double own = advice.expected_replays / static_cast<double>(job.contributions());
    if (share <= own / 2.0) return SmallerMicrobatch{size, other.clip_norm, found.harmless, share};
  }
  return std::nullopt;
}

}  // namespace

Advice advise(const job::Job& job, const guarantee::Sampling& sampling) {
  Advice advice;
  const bool network = !attacked_jobs(job.model).empty();
  const auto shaped = shaped_jobs(attacked_jobs(network ? job.model : ""), job.microbatch);
  const bool shape = shaped[0]->microbatch == job.microbatch && job.batch == kBatch;
  advice.outside = outside(job, network, shape);
  advice.reach = reach(job);
  const auto rows = comparable(shaped, job);
  advice.measured_reach = reach(job_of(*rows[0]));
  find_border(rows, advice);
  const double ratio = advice.reach / advice.measured_reach;
  if (ratio > 1.0 + kSlack) {
    advice.outside.emplace_back("how far a contribution moves the weights");
    scale(ratio, advice);
  }
  // Between measured lengths the numbers went with the root: so they are taken to go below them.
  const double shorter = shortness(rows, job);
  if (shorter > 1.0) {
    add_once("the number of steps", advice.outside);
    scale(std::sqrt(shorter), advice);
  }
  const double most = reach(*nearest(shaped, INFINITY, reach_of)[0]);
  advice.clip_norm = round_down(job.clip_norm * most / advice.reach);
  if (advice.harmful != 0) {
    advice.escape_harmful = guarantee::finite_escape(advice.harmful, sampling.q(), job.lives);
  }
  advice.coverage = coverage(job, sampling, advice);
  advice.budget = std::clamp<uint64_t>(advice.harmless, 1, job.contributions());
  advice.expected_replays = replays_for(job, advice.budget);
  advice.smaller = smaller_microbatch(job, advice);
  return advice;
}

}  // namespace ginn::attack
