#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/bench_measure.h"
#include "cli/synthetic.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "training/training.h"
#include "verifier/intake.h"
#include "worker/loop.h"

namespace ginn::cli {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<SyntheticRun> bench_job(const BenchOptions& options) {
  SyntheticSize size;
  size.model = options.model;
  size.height = options.height;
  size.width = options.width;
  size.channels = options.channels;
  size.microbatch = options.microbatch;
  size.batch = options.batch;
  size.records = options.batch * 8;
  return synthetic_run(size);
}

// One contribution on one thread: what a replay costs.
Status bench_step(const BenchOptions& options, device::Level level, std::vector<Measured>& out) {
  GINN_ASSIGN(const SyntheticRun run, bench_job(options));
  GINN_ASSIGN(const auto training, training::Training::create(run.job, level));
  const training::State state(training->graph(), run.job);
  GINN_ASSIGN(const nn::StepWeights weights, training->prepare(state.weights()));
  const auto workspace = training->workspace();
  training::Contribution contribution(training->graph());
  GINN_ASSIGN(const double one, median(options.seconds, [&] {
                return training->contribution(
                    *run.records, weights, 0, 0, *workspace, contribution);
              }));
  const double images = options.microbatch;
  out.push_back({"contribution", one * 1e3, "ms"});
  out.push_back({"contribution, contraction rate",
                 3.0 * static_cast<double>(training->graph().macs()) * images / one * 1e-9,
                 "GMAC/s"});
  return ok_status();
}

// Whole steps, optimiser included, on `threads` threads.
Status bench_train(const BenchOptions& options, device::Level level, std::vector<Measured>& out) {
  GINN_ASSIGN(SyntheticRun run, bench_job(options));
  GINN_ASSIGN(const auto training, training::Training::create(run.job, level));
  ThreadPool pool(options.threads);
  std::vector<double> times;
  const auto start = Clock::now();
  auto last = start;
  const worker::Hooks hooks{nullptr, [&](const worker::StepReport&) {
                              const auto now = Clock::now();
                              times.push_back(std::chrono::duration<double>(now - last).count());
                              last = now;
                              return ok_status();
                            }};
  while (times.size() < 8 || since(start) < options.seconds) {
    last = Clock::now();
    GINN_TRY(worker::train(*training, *run.records, pool, hooks));
    GINN_CHECK(!times.empty());
    times[times.size() - run.job.steps] = times.back();  // the first step also makes the workspaces
  }
  std::sort(times.begin(), times.end());
  out.push_back({"training", options.batch / times[times.size() / 2], "images/s"});
  return ok_status();
}

// The verifier's side of a contribution: copy, form, norm, sum, its share of the optimiser.
Status bench_intake(const BenchOptions& options, device::Level level, std::vector<Measured>& out) {
  GINN_ASSIGN(const SyntheticRun run, bench_job(options));
  GINN_ASSIGN(const auto training, training::Training::create(run.job, level));
  const training::State state(training->graph(), run.job);
  GINN_ASSIGN(const nn::StepWeights weights, training->prepare(state.weights()));
  const auto workspace = training->workspace();
  training::Contribution contribution(training->graph());
  GINN_TRY(training->contribution(*run.records, weights, 0, 0, *workspace, contribution));
  constexpr size_t kPrefix = protocol::kContributionPrefixBytes;
  Bytes payload(kPrefix + training::encoded_size(training->graph()));
  const std::span<uint8_t> bytes(payload);
  training::encode(training->graph(), contribution, bytes.subspan(kPrefix));
  std::unique_ptr<verifier::Intake> intake;
  GINN_ASSIGN(const double step, median(options.seconds, [&]() -> Status {
                if (intake == nullptr || intake->complete()) {
                  GINN_ASSIGN(intake, verifier::Intake::create(*training));
                }
                const uint64_t t = intake->next_step();
                for (uint32_t j = 0; j < run.job.microbatches(); ++j) {
                  protocol::write_prefix({t, j}, bytes.first<kPrefix>());
                  GINN_TRY(intake->take(payload, ~uint64_t{0}));
                }
                return ok_status();
              }));
  const double taken = static_cast<double>(payload.size()) * run.job.microbatches();
  out.push_back({"intake", taken / step * 1e-9, "GB/s"});
  out.push_back({"intake of one contribution", step / run.job.microbatches() * 1e3, "ms"});
  return ok_status();
}

struct Group {
  std::string_view name;
  Status (*run)(const BenchOptions&, device::Level, std::vector<Measured>&);
};
constexpr Group kGroups[] = {{"primitives", bench_primitives},
                             {"step", bench_step},
                             {"train", bench_train},
                             {"intake", bench_intake}};

}  // namespace

Result<int> bench_verb(const BenchOptions& options) {
  GINN_ASSIGN(const device::Level level, device::choose_level());
  std::vector<Measured> results;
  for (const Group& group : kGroups) {
    if (options.only.empty() || options.only == group.name) {
      GINN_TRY(group.run(options, level, results));
    }
  }
  if (results.empty()) {
    return input_error(
        "usage",
        concat("--only ", printable(options.only), ": expected primitives, step, train or intake"));
  }
  if (options.json) {
    crypto::Json::Object json;
    json["level"] = device::level_name(level);
    json["model"] = options.model;
    json["threads"] = static_cast<double>(options.threads);
    for (const Measured& m : results) json[fmt::format("{} ({})", m.name, m.unit)] = m.value;
    fmt::print("{}\n", crypto::pretty_json(json));
    return 0;
  }
  fmt::print("{}, level {}, {} threads for \"training\"; medians\n\n",
             options.model,
             device::level_name(level),
             options.threads);
  for (const Measured& m : results) fmt::print("  {:<40} {:>10.3f} {}\n", m.name, m.value, m.unit);
  return 0;
}

}  // namespace ginn::cli
