#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/affinity.h"
#include "base/text.h"
#include "cli/bench_measure.h"
#include "cli/job_source.h"
#include "cli/terminal.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kSteps = 8;  // of the synthetic job

// VmHWM: what getrusage() says includes the parent before exec.
double peak_memory_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) * 1024.0;
  }
  return 0;
}

// Empty `only`: all. Code "usage" for a name that is none.
Status check_groups(const std::vector<std::string>& only) {
  for (const std::string& name : only) {
    std::string known;
    bool found = false;
    for (const BenchGroup& group : kBenchGroups) {
      found = found || name == group.name;
      known += concat(known.empty() ? "" : ", ", group.name);
    }
    if (!found) {
      return input_error("usage",
                         concat("--only: there is no group \"",
                                printable(name),
                                "\"; the groups are ",
                                known,
                                " (several separated by commas)"));
    }
  }
  return ok_status();
}

}  // namespace

Result<const SyntheticRun*> Bench::run() {
  if (run_) return &*run_;
  const BenchOptions& o = options();
  SyntheticSize size;
  size.model = o.model;
  size.height = o.height;
  size.width = o.width;
  size.channels = o.channels;
  size.classes = o.classes;
  size.microbatch = o.microbatch;
  size.batch = o.batch;
  size.records = static_cast<uint32_t>(o.batch * kSteps);
  constexpr uint64_t kMostBytes = uint64_t{2} << 30;
  const uint64_t bytes = uint64_t{size.records} * o.height * o.width * o.channels;
  if (bytes > kMostBytes) {
    return input_error("usage",
                       concat("--batch ",
                              o.batch,
                              " at ",
                              o.height,
                              " x ",
                              o.width,
                              " x ",
                              o.channels,
                              " needs ",
                              bytes,
                              " bytes of synthetic data, at most ",
                              kMostBytes,
                              " are made: lower --batch or the size of the images"));
  }
  auto made = synthetic_run(size);
  if (!made.ok()) {
    return input_error("usage", concat("these options give no job: ", made.error().message));
  }
  run_.emplace(std::move(made).value());
  run_->job.format = o.format;
  return &*run_;
}

Result<const training::Training*> Bench::training() {
  if (training_ == nullptr) {
    GINN_ASSIGN(const SyntheticRun* data, run());
    GINN_ASSIGN(training_, training::Training::create(data->job, level()));
  }
  return training_.get();
}

Result<double> Bench::contribution_seconds() {
  if (contribution_seconds_) return *contribution_seconds_;
  GINN_ASSIGN(const training::Training* job, training());
  const training::State state(job->graph(), run_->job);
  GINN_ASSIGN(const nn::StepWeights weights, job->prepare(state.weights()));
  const auto workspace = job->workspace();
  training::Contribution contribution(job->graph());
  GINN_ASSIGN(contribution_seconds_, median_seconds(ClockKind::kThread, options().seconds, [&] {
                return job->contribution(*run_->records, weights, 0, 0, *workspace, contribution);
              }));
  return *contribution_seconds_;
}

std::vector<int> Bench::cpus(uint32_t threads) const {
  if (!options().pin) return {};
  return {cpus_.begin(), cpus_.begin() + threads};
}

std::optional<double> Bench::int16_peak() {
  std::optional<double>& peak = report_.machine.int16_peak_gmacs;
  if (!peak) peak = measure_int16_peak(level());
  return peak;
}

double Bench::memory_copy() {
  std::optional<double>& copy = report_.machine.memory_copy_gbs;
  if (!copy) copy = measure_memory_copy();
  return *copy;
}

crypto::Json Bench::share_of_peak(double gmacs) {
  const std::optional<double> peak = int16_peak();
  return peak ? crypto::Json(gmacs / *peak) : crypto::Json();
}

Result<int> bench_verb(const BenchOptions& options) {
  GINN_TRY(check_groups(options.only));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  Bench bench(options, level);
  bench.report().machine = this_machine();
  if (options.pin) {
    const uint32_t most = *std::max_element(options.threads.begin(), options.threads.end());
    GINN_ASSIGN(PinnedCpus cpus, cpus_to_pin(most));
    bench.pin(std::move(cpus.threads));
  }
  const CpuBinding binding(bench.cpus(1));
  Progress progress(options.json);
  const auto& only = options.only;
  for (const BenchGroup& group : kBenchGroups) {
    if (only.empty() || std::find(only.begin(), only.end(), group.name) != only.end()) {
      progress.show(concat("measuring: ", group.name), true);
      GINN_TRY(group.run(bench));
    }
  }
  bench.report().peak_memory_bytes = peak_memory_bytes();
  fmt::print("{}",
             options.json ? crypto::pretty_json(bench_json(bench.report())) + "\n"
                          : bench_text(bench.report()));
  return 0;
}

}  // namespace ginn::cli
