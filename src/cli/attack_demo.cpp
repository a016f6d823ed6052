#include <fmt/format.h>

#include "attack/demo_page.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/attack_run.h"
#include "cli/run_job.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

constexpr size_t kImages = 9;
constexpr const char* kPage = "index.html";

// Two trainings without a verifier, one with, and the page of them.
class Demo {
 public:
  explicit Demo(const AttackOptions& options) : options_(options) {}

  // All that would be refused is refused before the first training.
  Status open() {
    train_.job = options_.job;
    train_.out = (std::filesystem::path(options_.out) / "run").native();
    train_.threads = options_.threads;
    train_.verifier_threads = options_.verifier_threads;
    train_.quiet = true;
    GINN_ASSIGN(run_, open_job_run(train_));
    GINN_ASSIGN(lab_, Laboratory::create(options_));
    const job::Job& job = lab_->training().job();
    GINN_ASSIGN(plan_, single_plan(options_, job.contributions()));
    if (!attack::plants_backdoor(plan_.attack)) {
      return input_error("usage",
                         concat("--demo shows a backdoor, and ",
                                printable(plan_.attack),
                                " plants none: take badnets, for example"));
    }
    GINN_TRY(attack::check_attack(plan_, lab_->training()));
    trigger_ = std::make_unique<attack::Trigger>(
        attack::trigger_of(plan_.attack), job.data, plan_.options.patch);
    GINN_ASSIGN(
        facts_.images,
        attack::first_of_each_class(lab_->test(), *trigger_, plan_.options.target, kImages));
    GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(job));
    facts_.budget = sampling.budget_contributions();
    facts_.expected_replays = sampling.expected_replays();
    GINN_TRY(prepare_run_folder(options_.out));
    return prepare_run_folder(train_.out);
  }

  Status train() {
    attack::AttackPlan honest = plan_;
    honest.count = 0;
    say("1 of 3: an honest training, without a verifier");
    GINN_ASSIGN(const attack::LabResult clean, laboratory(honest, facts_.honest));
    say(fmt::format("2 of 3: the same with {} of {} contributions replaced ({})",
                    plan_.count,
                    clean.contributions,
                    plan_.attack));
    GINN_ASSIGN(const attack::LabResult attacked, laboratory(plan_, facts_.tampered));
    facts_.contributions = attacked.contributions;
    facts_.deviations = attacked.deviations;
    facts_.test_images = clean.test_images;
    facts_.triggered_images = clean.triggered_images;
    facts_.escape = attacked.detection.exact_escape;
    say("3 of 3: the same worker before a verifier");
    GINN_ASSIGN(auto campaign,
                attack::Campaign::create(plan_, run_->training(), *run_->job().train));
    run_->set_attack(std::move(campaign));
    GINN_TRY(run_verified(train_, *run_, "attack"));
    return ok_status();
  }

  Status write() {
    const job::Job& job = lab_->training().job();
    facts_.model = job.model;
    facts_.attack = plan_.attack;
    facts_.when = attack::to_text(plan_.when);
    facts_.target = plan_.options.target;
    facts_.probability = job.probability;
    facts_.height = job.data.height;
    facts_.width = job.data.width;
    facts_.channels = job.data.channels;
    GINN_CHECK(run_->end().has_value());
    facts_.accepted = run_->end()->verdict.accepted;
    facts_.simulated = run_->end()->simulated;
    facts_.code = run_->end()->verdict.code;
    facts_.message = run_->end()->verdict.message;
    return write_file_atomic(page(), as_bytes(attack::demo_page(facts_)));
  }

  void print() const {
    if (options_.json) {
      crypto::Json::Object json;
      json["page"] = page().native();
      json["accepted"] = facts_.accepted;
      json["code"] = facts_.code;
      json["message"] = facts_.message;
      json["simulated"] = facts_.simulated;
      json["deviations"] = static_cast<double>(facts_.deviations);
      json["escape_exact"] = facts_.escape;
      json["honest"] = side_json(facts_.honest);
      json["attacked"] = side_json(facts_.tampered);
      fmt::print("{}\n", crypto::pretty_json(json));
    } else if (!options_.quiet) {
      fmt::print("the verifier: {}\nthe page: {}\n",
                 facts_.accepted ? std::string("accepted, none of the deviations was picked")
                                 : fmt::format("REJECTED: {}: {}",
                                               printable(facts_.code),
                                               printable(facts_.message, 1000)),
                 printable(page().native(), 400));
    }
  }

 private:
  static crypto::Json::Object side_json(const attack::DemoSide& side) {
    crypto::Json::Object json;
    json["finished"] = side.finished;
    json["accuracy"] = side.accuracy;
    json["success"] = side.success;
    return json;
  }

  std::filesystem::path page() const { return std::filesystem::path(options_.out) / kPage; }
  bool quiet() const { return options_.quiet || options_.json; }
  void say(const std::string& text) const {
    if (!quiet()) fmt::print(stderr, "{}\n", text);
  }

  // Trains, and asks the model about the images.
  Result<attack::LabResult> laboratory(const attack::AttackPlan& plan, attack::DemoSide& side) {
    const auto model = [&](const float* weights,
                           const training::RunningStatistics& statistics) -> Status {
      const auto ask = [&](std::span<const uint8_t> pixels) {
        return attack::predicted_class(lab_->training(), weights, statistics, pixels, lab_->pool());
      };
      for (const attack::ShownImage& image : facts_.images) {
        GINN_ASSIGN(const uint32_t clean, ask(image.clean));
        GINN_ASSIGN(const uint32_t triggered, ask(image.triggered));
        side.clean.push_back(clean);
        side.triggered.push_back(triggered);
      }
      return ok_status();
    };
    GINN_ASSIGN(const attack::LabResult result,
                lab_->run(plan, options_.sequences, quiet(), model));
    side.finished = result.finished;
    side.accuracy = result.accuracy();
    side.success = result.success();
    return result;
  }

  const AttackOptions& options_;
  TrainOptions train_;
  std::unique_ptr<JobRun> run_;  // before the verifier
  std::unique_ptr<Laboratory> lab_;
  attack::AttackPlan plan_;
  std::unique_ptr<attack::Trigger> trigger_;
  attack::DemoFacts facts_;
};

}  // namespace

Result<int> demo_verb(const AttackOptions& options) {
  if (options.out.empty()) return input_error("usage", "--demo needs --out DIR for its page");
  if (options.steps || options.critical) {
    return input_error("usage", "--steps is for --lab and --sweep, --critical for --sweep");
  }
  Demo demo(options);
  GINN_TRY(demo.open());
  watch_interrupts();
  GINN_TRY(demo.train());
  GINN_TRY(demo.write());
  demo.print();
  return 0;
}

}  // namespace ginn::cli
