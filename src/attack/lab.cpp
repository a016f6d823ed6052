#include "attack/lab.h"

#include <algorithm>
#include <chrono>

#include "attack/poison.h"

namespace ginn::attack {
namespace {

constexpr std::string_view kSingleSample = "single-sample";

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

class Lab {
 public:
  Lab(const training::Training& training,
      const data::RecordSource& records,
      const data::RecordSource& test,
      ThreadPool& pool,
      const LabOptions& options)
      : training_(training),
        records_(records),
        test_(test),
        pool_(pool),
        options_(options),
        again_(training.graph()) {}

  Result<LabResult> run() {
    const auto start = std::chrono::steady_clock::now();
    const job::Job& job = training_.job();
    result_.contributions = job.contributions();
    AttackPlan plan = options_.plan;
    plan.options.test = &test_;
    GINN_ASSIGN(rule_, create_combination(plan.combine, training_));
    plan.options.rule = rule_.get();
    GINN_ASSIGN(campaign_, Campaign::create(plan, training_, records_));
    workspace_ = training_.workspace();
    GINN_TRY(train());
    GINN_TRY(measure_detections());
    result_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result_;
  }

 private:
  Status train() {
    worker::Hooks hooks;
    hooks.weights = [&](uint64_t, const nn::StepWeights& weights) {
      weights_ = &weights;
      campaign_->weights(weights);
    };
    hooks.contribution =
        [&](uint64_t t, uint32_t j, training::Contribution& contribution) -> Status {
      GINN_TRY(hand_over(t, j, contribution));
      return rule_->take(contribution);
    };
    if (options_.step) {
      hooks.step = [this](const worker::StepReport& report, const training::State&) {
        return options_.step(report);
      };
    }
    const auto state = worker::train(training_, records_, pool_, hooks);
    if (state.ok()) return evaluate((*state)->weights());
    if (std::string_view(state.error().code) != "not_finite") return state.error();
    result_.finished = false;
    result_.end = state.error().message;
    return ok_status();
  }

  Status hand_over(uint64_t t, uint32_t j, training::Contribution& contribution) {
    GINN_ASSIGN(const bool deviates, campaign_->replace(t, j, contribution));
    const uint64_t index = t * training_.job().microbatches() + j;
    const uint64_t every = result_.contributions / std::max<uint64_t>(1, options_.rechecks) + 1;
    if (deviates || options_.rechecks == 0 || index % every != 0) return ok_status();
    GINN_TRY(training_.contribution(records_, *weights_, t, j, *workspace_, again_));
    ++result_.rechecked;
    if (!(again_ == contribution)) ++result_.false_rejections;
    return ok_status();
  }

  Status evaluate(const float* weights) {
    GINN_ASSIGN(const auto statistics, training_.running_statistics(records_, weights, pool_));
    GINN_ASSIGN(const auto clean, training_.evaluate(test_, weights, statistics, pool_));
    result_.test_images = clean.images;
    result_.correct = clean.correct;
    GINN_TRY(evaluate_aims(weights, statistics));
    if (options_.model) GINN_TRY(options_.model(weights, statistics));
    return ok_status();
  }

  // On the images that the attack is for.
  Status evaluate_aims(const float* weights, const training::RunningStatistics& statistics) {
    const AttackPlan& plan = options_.plan;
    const uint32_t target = plan.options.target;
    const auto count_hits = [&](const data::RecordSource& labelled_as_target) -> Status {
      GINN_ASSIGN(const auto hits,
                  training_.evaluate(labelled_as_target, weights, statistics, pool_));
      result_.triggered_images = hits.images;
      result_.hits = hits.correct;
      return ok_status();
    };
    if (plan.attack == kSingleSample) {
      GINN_ASSIGN(auto image, chosen_image(test_, target, plan.options.seed));
      return count_hits(OneRecord(test_.facts(), std::move(image)));
    }
    const Trigger trigger(trigger_of(plan.attack), test_.facts(), plan.options.patch);
    GINN_ASSIGN(const auto triggered, TriggeredRecords::create(test_, trigger, target));
    GINN_TRY(count_hits(*triggered));
    triggered->keep_labels();
    GINN_ASSIGN(const auto own, training_.evaluate(*triggered, weights, statistics, pool_));
    result_.robust = own.correct;
    return ok_status();
  }

  Status measure_detections() {
    GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(training_.job()));
    result_.deviations = campaign_->deviations().size();
    result_.expected_replays = sampling.expected_replays();
    result_.detection = measure_detection(sampling,
                                          training_.job().microbatches(),
                                          campaign_->deviations(),
                                          options_.sequences,
                                          options_.plan.options.seed);
    return ok_status();
  }

  const training::Training& training_;
  const data::RecordSource& records_;
  const data::RecordSource& test_;
  ThreadPool& pool_;
  const LabOptions& options_;
  std::unique_ptr<Combination> rule_;
  std::unique_ptr<Campaign> campaign_;
  std::unique_ptr<training::Workspace> workspace_;  // of the rechecks
  training::Contribution again_;
  const nn::StepWeights* weights_ = nullptr;
  LabResult result_;
};

}  // namespace

double LabResult::accuracy() const { return share(correct, test_images); }
double LabResult::success() const { return share(hits, triggered_images); }
double LabResult::robust_accuracy() const { return share(robust.value_or(0), triggered_images); }

Trigger::Kind trigger_of(const std::string& attack) {
  if (attack == "blended") return Trigger::Kind::kBlended;
  if (attack == "sinusoidal") return Trigger::Kind::kSinusoidal;
  if (attack == "wanet") return Trigger::Kind::kWarp;
  return Trigger::Kind::kPatch;
}

bool plants_backdoor(const std::string& attack) {
  constexpr std::string_view kBackdoors[] = {"badnets",
                                             "blended",
                                             "sinusoidal",
                                             "a-little-is-enough",
                                             "accumulative",
                                             "clean-label",
                                             "wanet",
                                             "target-model",
                                             "handcrafted"};
  return std::find(std::begin(kBackdoors), std::end(kBackdoors), attack) != std::end(kBackdoors);
}

Result<LabResult> run_lab(const training::Training& training,
                          const data::RecordSource& records,
                          const data::RecordSource& test,
                          ThreadPool& pool,
                          const LabOptions& options) {
  return Lab(training, records, test, pool, options).run();
}

}  // namespace ginn::attack
