#include <fmt/format.h>

#include "base/text.h"
#include "cli/attack_run.h"
#include "cli/memory.h"
#include "cli/run_job.h"
#include "crypto/json.h"
#include "import/dataset_import.h"

namespace ginn::cli {
namespace {

crypto::Json::Object detection_json(const attack::Detection& detection, uint32_t microbatches) {
  crypto::Json::Object json;
  json["sequences"] = static_cast<double>(detection.sequences);
  json["escaped"] = static_cast<double>(detection.escaped);
  json["escape_measured"] = detection.measured_escape;
  json["escape_measured_low"] = detection.interval.low;
  json["escape_measured_high"] = detection.interval.high;
  json["escape_exact"] = detection.exact_escape;
  json["escape_bound"] = detection.bound;
  if (detection.first_pick) {
    json["first_pick_step"] = static_cast<double>(*detection.first_pick / microbatches);
  }
  return json;
}

void print_json(const attack::AttackPlan& plan,
                const attack::LabResult& result,
                uint32_t microbatches) {
  crypto::Json::Object json;
  json["attack"] = plan.attack;
  json["when"] = attack::to_text(plan.when);
  json["combine"] = plan.combine;
  json["seed"] = static_cast<double>(plan.options.seed);
  json["target"] = static_cast<double>(plan.options.target);
  json["finished"] = result.finished;
  if (!result.finished) json["end"] = result.end;
  json["contributions"] = static_cast<double>(result.contributions);
  json["deviations"] = static_cast<double>(result.deviations);
  json["accuracy"] = result.accuracy();
  json["success"] = result.success();
  if (result.robust) json["robust_accuracy"] = result.robust_accuracy();
  json["triggered_images"] = static_cast<double>(result.triggered_images);
  json["expected_replays"] = result.expected_replays;
  json["detection"] = detection_json(result.detection, microbatches);
  json["rechecked"] = static_cast<double>(result.rechecked);
  json["false_rejections"] = static_cast<double>(result.false_rejections);
  json["seconds"] = result.seconds;
  fmt::print("{}\n", crypto::pretty_json(json));
}

std::string share_text(uint64_t part, uint64_t whole) {
  const attack::Interval interval = attack::wilson(part, whole);
  const double share = whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  return fmt::format("{:.2f} % ({} of {}; 95 %: {:.2f} to {:.2f})",
                     100.0 * share,
                     part,
                     whole,
                     100.0 * interval.low,
                     100.0 * interval.high);
}

void print_outcome(const attack::AttackPlan& plan, const attack::LabResult& result) {
  fmt::print("attack               {}, {}, seed {}{}\n",
             plan.attack,
             attack::to_text(plan.when),
             plan.options.seed,
             plan.combine == attack::kSum ? "" : ", combined by " + plan.combine);
  fmt::print(
      "deviations           {} of {} contributions ({:.3f} %)\n",
      result.deviations,
      result.contributions,
      100.0 * static_cast<double>(result.deviations) / static_cast<double>(result.contributions));
  if (!result.finished) {
    fmt::print("the training broke   {}: no model, no certificate\n", result.end);
    return;
  }
  fmt::print("accuracy             {}\n", share_text(result.correct, result.test_images));
  fmt::print("attack success       {} of class {}\n",
             share_text(result.hits, result.triggered_images),
             plan.options.target);
  if (result.robust) {
    fmt::print("robust accuracy      {} keep their class with the trigger\n",
               share_text(*result.robust, result.triggered_images));
  }
}

void print_detection(const attack::LabResult& result, uint32_t microbatches) {
  const attack::Detection& detection = result.detection;
  fmt::print("replays, expected    {:.0f}\n", result.expected_replays);
  fmt::print("escapes              {:.4g} by the guarantee's bound, {:.4g} by its sampling\n",
             detection.bound,
             detection.exact_escape);
  fmt::print("escapes, measured    {}\n", share_text(detection.escaped, detection.sequences));
  if (detection.first_pick) {
    fmt::print("first one found      at step {} (median)\n", *detection.first_pick / microbatches);
  }
  fmt::print("false rejections     {} of {} honest contributions computed again\n",
             result.false_rejections,
             result.rechecked);
  fmt::print("({:.1f} s; the coins of {} verifiers of this one training, seeded)\n",
             result.seconds,
             detection.sequences);
}

}  // namespace

Status set_steps(const AttackOptions& options, job::Job& job) {
  if (!options.steps) return ok_status();
  if (*options.steps < 1 || *options.steps > job::kStepsMax) {
    return input_error("usage",
                       concat("--steps is ", *options.steps, ": expected 1 to ", job::kStepsMax));
  }
  const uint64_t each = (job.steps + job.epochs - 1) / job.epochs;
  job.steps = *options.steps;
  job.epochs = static_cast<uint32_t>((job.steps + each - 1) / each);
  return ok_status();
}

Result<std::unique_ptr<Laboratory>> Laboratory::create(const AttackOptions& options) {
  GINN_ASSIGN(LoadedJob job, load_job(options.job));
  GINN_TRY(set_steps(options, job.resolved.job));
  if (job.test_path.empty()) {
    return input_error("no_test_data",
                       concat(printable(options.job),
                              ": data.test is missing: the laboratory measures accuracy and attack "
                              "success on it"));
  }
  const size_t threads = thread_count(options.threads);
  auto lab = std::unique_ptr<Laboratory>(new Laboratory(std::move(job), threads));
  GINN_ASSIGN(lab->test_, import::load_dataset(lab->job_.test_path));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(lab->training_, make_training(lab->job_, level));
  GINN_TRY(check_memory(worker_memory(*lab->training_).total(threads)));
  return lab;
}

Result<attack::LabResult> Laboratory::run(const attack::AttackPlan& plan,
                                          uint64_t sequences,
                                          bool quiet,
                                          attack::LabOptions::Model model) {
  Progress progress(quiet);
  const uint64_t steps = training_->job().steps;
  attack::LabOptions lab;
  lab.plan = plan;
  lab.sequences = sequences;
  lab.model = std::move(model);
  lab.step = [&](const worker::StepReport& report) -> Status {
    GINN_TRY(interruption(concat("after step ", report.step + 1, " of ", steps)));
    const bool last = report.step + 1 == steps;
    if (progress.due() || last) {
      progress.show(
          fmt::format("step {}/{}  loss {:.4f}", report.step + 1, steps, report.claimed_loss),
          last);
    }
    return ok_status();
  };
  return attack::run_lab(*training_, *job_.train, *test_, pool_, lab);
}

Result<int> lab_verb(const AttackOptions& options) {
  if (!options.out.empty()) return input_error("usage", "--lab alone writes no files: no --out");
  GINN_ASSIGN(const auto lab, Laboratory::create(options));
  const job::Job& job = lab->training().job();
  GINN_ASSIGN(const attack::AttackPlan plan, single_plan(options, job.contributions()));
  watch_interrupts();
  GINN_ASSIGN(const attack::LabResult result,
              lab->run(plan, options.sequences, options.quiet || options.json));
  if (options.json) {
    print_json(plan, result, job.microbatches());
  } else {
    print_outcome(plan, result);
    print_detection(result, job.microbatches());
  }
  return 0;
}

}  // namespace ginn::cli
