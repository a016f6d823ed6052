#include "attack/attacker.h"

#include <algorithm>

#include "attack/attackers.h"
#include "attack/own_gradient.h"
#include "attack/rehearsal.h"
#include "base/text.h"

namespace ginn::attack {
namespace {

constexpr uint32_t kImagesMax = 1024;

Status check_options(const training::Training& training, const AttackerOptions& options) {
  const uint32_t classes = training.job().data.classes;
  if (options.target >= classes) {
    return input_error(
        "attack_target",
        concat(
            "the target is class ", options.target, "; this job's classes are 0 to ", classes - 1));
  }
  if (!(options.poison > 0.0 && options.poison <= 1.0)) {
    return input_error("attack_poison",
                       concat("the share of triggered images is ",
                              options.poison,
                              ": expected above 0 and at most 1"));
  }
  if (options.images > kImagesMax) {
    return input_error("attack_images",
                       concat("a gradient of the attacker's has ",
                              options.images,
                              " images: expected at most ",
                              kImagesMax));
  }
  const data::DatasetFacts& data = training.job().data;
  if (options.patch > std::min(data.height, data.width)) {
    return input_error("attack_patch",
                       concat("a patch of ",
                              options.patch,
                              " pixels does not fit into images of ",
                              data.height,
                              " x ",
                              data.width));
  }
  return ok_status();
}

struct Known {
  const char* name;
  Result<std::unique_ptr<Attacker>> (*make)(const training::Training& training,
                                            const data::RecordSource& records,
                                            const AttackerOptions& options);
};

template <Trigger::Kind kind, Lesson lesson = Lesson::kLabelFlipped>
Result<std::unique_ptr<Attacker>> backdoor(const training::Training& training,
                                           const data::RecordSource& records,
                                           const AttackerOptions& options) {
  return make_backdoor(training, records, kind, lesson, options);
}

// For those that need the job alone.
template <std::unique_ptr<Attacker> (*make)(const training::Training&)>
Result<std::unique_ptr<Attacker>> simple(const training::Training& training,
                                         const data::RecordSource&,
                                         const AttackerOptions&) {
  return make(training);
}

Result<std::unique_ptr<Attacker>> noise(const training::Training& training,
                                        const data::RecordSource&,
                                        const AttackerOptions& options) {
  return make_noise(training, options.seed);
}

Result<std::unique_ptr<Attacker>> subsample(const training::Training& training,
                                            const data::RecordSource& records,
                                            const AttackerOptions&) {
  return make_subsample(training, records);
}

constexpr Known kKnown[] = {
    {"noise", noise},
    {"availability", simple<make_availability>},
    {"badnets", backdoor<Trigger::Kind::kPatch>},
    {"blended", backdoor<Trigger::Kind::kBlended>},
    {"sinusoidal", backdoor<Trigger::Kind::kSinusoidal>},
    {"a-little-is-enough", make_little_is_enough},
    {"accumulative", make_accumulative},
    {"clean-label", backdoor<Trigger::Kind::kPatch, Lesson::kCleanLabel>},
    {"wanet", backdoor<Trigger::Kind::kWarp>},
    {"single-sample", backdoor<Trigger::Kind::kPatch, Lesson::kOneImage>},
    {"target-model", make_target_model},
    {"handcrafted", make_handcrafted},
    {"zero", simple<make_zero>},
    {"stale", simple<make_stale>},
    {"copy", simple<make_copy>},
    {"subsample", subsample},
    {"low-precision", simple<make_low_precision>},
};

}  // namespace

std::vector<std::string> attack_names() {
  std::vector<std::string> names;
  for (const Known& known : kKnown) names.push_back(known.name);
  return names;
}

namespace {

Result<const Known*> find_attack(const std::string& name) {
  std::string names;
  for (const Known& known : kKnown) {
    if (name == known.name) return &known;
    names += concat(names.empty() ? "" : ", ", known.name);
  }
  return input_error("unknown_attack",
                     concat("no attack is called \"", printable(name), "\"; known: ", names));
}

}  // namespace

Result<std::unique_ptr<Attacker>> create_attacker(const std::string& name,
                                                  const training::Training& training,
                                                  const data::RecordSource& records,
                                                  const AttackerOptions& options) {
  GINN_TRY(check_options(training, options));
  GINN_ASSIGN(const Known* known, find_attack(name));
  return known->make(training, records, options);
}

Status check_attack(const AttackPlan& plan, const training::Training& training) {
  GINN_TRY(check_options(training, plan.options));
  GINN_TRY(find_attack(plan.attack));
  GINN_TRY(create_combination(plan.combine, training));
  return check_room(plan.when, training.job().contributions(), plan.count);
}

Result<std::unique_ptr<Campaign>> Campaign::create(const AttackPlan& plan,
                                                   const training::Training& training,
                                                   const data::RecordSource& records) {
  const uint64_t contributions = training.job().contributions();
  GINN_TRY(check_room(plan.when, contributions, plan.count));
  AttackerOptions options = plan.options;
  options.count = plan.count;
  std::vector<double> gains;
  if (plan.when.kind == When::Kind::kGreedy) {
    // By an attacker of its own: what it sees and draws there is not of the run.
    GINN_ASSIGN(const auto rehearsing, create_attacker(plan.attack, training, records, options));
    GINN_ASSIGN(gains, rehearse(training, records, *rehearsing, options));
  }
  GINN_ASSIGN(auto chosen, choose(plan.when, contributions, plan.count, options.seed, gains));
  GINN_ASSIGN(auto attacker, create_attacker(plan.attack, training, records, options));
  return std::unique_ptr<Campaign>(
      new Campaign(training, std::move(attacker), std::move(chosen), options.rule));
}

Result<bool> Campaign::replace(uint64_t t, uint32_t j, training::Contribution& contribution) {
  GINN_CHECK(weights_ != nullptr);
  const Moment moment{t, j, *weights_, rule_};
  attacker_->see(moment, contribution);
  const uint64_t index = t * training_.job().microbatches() + j;
  if (!std::binary_search(chosen_.begin(), chosen_.end(), index)) return false;
  copy(contribution, honest_);
  GINN_TRY(attacker_->forge(moment, contribution));
  if (contribution == honest_) return false;
  // Over a new connection some are handed over again.
  while (!deviations_.empty() && deviations_.back() >= index) deviations_.pop_back();
  deviations_.push_back(index);
  return true;
}

}  // namespace ginn::attack
