#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/synthetic.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "device/convolution.h"
#include "training/training.h"
#include "verifier/intake.h"
#include "worker/loop.h"

namespace ginn::cli {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Median seconds of one call, repeated for about `seconds` and at least five times.
template <typename Body>
Result<double> median(double seconds, const Body& body) {
  constexpr size_t kLeast = 5;
  constexpr size_t kMost = 1000;
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < kLeast || (since(start) < seconds && times.size() < kMost)) {
    const auto begin = Clock::now();
    GINN_TRY(body());
    times.push_back(since(begin));
  }
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

struct Measured {
  std::string name;
  double value = 0;
  std::string unit;
};

// One convolution's three contractions.
Status bench_convolution(const std::string& name,
                         const device::ConvShape& shape,
                         device::Level level,
                         double seconds,
                         std::vector<Measured>& out) {
  device::Buffer<int16_t> x(shape.input_count()), y(shape.output_count()), dx(shape.input_count()),
      w(shape.weight_count());
  device::Buffer<int64_t> dw(shape.weight_count());
  fill_bell(1, 8191, {x.data(), x.size()});
  fill_bell(2, 8191, {w.data(), w.size()});
  device::Buffer<int16_t> dy(shape.output_count());
  fill_bell(3, 8191, {dy.data(), dy.size()});
  device::PackedWeights packed;
  packed.pack(level, shape, w.data(), true);
  const device::Convolution convolution(level, shape);
  device::Scratch scratch;
  const double gmacs = static_cast<double>(shape.macs()) * 1e-9;
  const auto add = [&](const char* what, const auto& body) -> Status {
    GINN_ASSIGN(const double time, median(seconds, [&]() -> Status {
                  scratch.reset();
                  body();
                  return ok_status();
                }));
    out.push_back({fmt::format("{} {}", name, what), gmacs / time, "GMAC/s"});
    return ok_status();
  };
  GINN_TRY(add("fprop", [&] { convolution.fprop(x.data(), packed, y.data(), scratch); }));
  GINN_TRY(add("dgrad", [&] { convolution.dgrad(dy.data(), packed, dx.data(), scratch); }));
  return add("wgrad", [&] { convolution.wgrad(x.data(), dy.data(), dw.data(), scratch); });
}

Status bench_primitives(const BenchOptions& options,
                        device::Level level,
                        std::vector<Measured>& out) {
  const double seconds = options.seconds / 8;
  const uint32_t n = options.microbatch;
  const auto conv = [&](uint32_t h, uint32_t c, uint32_t k, uint32_t stride) {
    device::ConvShape shape;
    shape.n = n;
    shape.h = shape.w = h;
    shape.c = c;
    shape.k = k;
    shape.kernel_h = shape.kernel_w = 3;
    shape.padding = 1;
    shape.stride = stride;
    return shape;
  };
  GINN_TRY(bench_convolution("conv3x3 28x28 16->16", conv(28, 16, 16, 1), level, seconds, out));
  GINN_TRY(bench_convolution("conv3x3 28x28 16->32 /2", conv(28, 16, 32, 2), level, seconds, out));
  GINN_TRY(bench_convolution("conv3x3 14x14 32->32", conv(14, 32, 32, 1), level, seconds, out));
  return bench_convolution("conv3x3 7x7 64->64", conv(7, 64, 64, 1), level, seconds, out);
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
