#include <optional>
#include <utility>

#include "attest/produce/attester.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/bench_measure.h"
#include "cli/intake_cost.h"
#include "cli/verifier_process.h"
#include "verifier/checkpoint.h"
#include "verifier/host.h"
#include "verifier/replay.h"
#include "worker/loop.h"

namespace ginn::cli {
namespace {

// Median seconds of a step on `threads` threads, optimiser included. A run's first step also makes
// the threads' workspaces and does not count; runs start over until there are enough steps.
Result<double> step_seconds(Bench& bench, uint32_t threads) {
  constexpr size_t kLeast = 3;  // unless they are very long
  GINN_ASSIGN(const training::Training* training, bench.training());
  GINN_ASSIGN(const SyntheticRun* run, bench.run());
  ThreadPool pool(threads, bench.cpus(threads));
  std::vector<double> times;
  const double start = wall_seconds();
  double last = start;
  bool first = true;
  const auto enough = [&] {
    const double spent = (wall_seconds() - start) / bench.options().seconds;
    return times.size() >= kLeast ? spent >= 1.0 : !times.empty() && spent >= 4.0;
  };
  const worker::Hooks hooks{nullptr,
                            [&](const worker::StepReport&, const training::State&) -> Status {
                              const double now = wall_seconds();
                              if (!std::exchange(first, false)) times.push_back(now - last);
                              last = now;
                              if (enough()) return refused("bench_done", "");
                              return ok_status();
                            }};
  while (!enough()) {
    first = true;
    const auto trained = worker::train(*training, *run->records, pool, hooks);
    if (!trained.ok() && trained.error().code != std::string_view("bench_done")) {
      return trained.error();
    }
  }
  return median(std::move(times));
}

}  // namespace

Status bench_train(Bench& bench) {
  std::optional<double> one;
  for (const uint32_t threads : bench.options().threads) {
    GINN_ASSIGN(const double step, step_seconds(bench, threads));
    const double rate = bench.options().batch / step;
    if (threads == 1) one = rate;
    Measured row{"train", concat("training, ", threads), rate, "images/s", {}};
    row.name += threads == 1 ? " thread" : " threads";
    row.more = {{"threads", static_cast<double>(threads)}, {"step_ms", step * 1e3}};
    bench.add(std::move(row));
  }
  for (Measured& row : bench.report().results) {
    if (one && row.group == "train") row.more.push_back({"ratio_to_one_thread", row.value / *one});
  }
  return ok_status();
}

// Checksum, form, norm, sum, and its share of the optimiser.
Status bench_intake(Bench& bench) {
  GINN_ASSIGN(const training::Training* training, bench.training());
  GINN_ASSIGN(const SyntheticRun* run, bench.run());
  const training::State state(training->graph(), run->job);
  GINN_ASSIGN(const nn::StepWeights weights, training->prepare(state.weights()));
  const auto workspace = training->workspace();
  training::Contribution contribution(training->graph());
  GINN_TRY(training->contribution(*run->records, weights, 0, 0, *workspace, contribution));
  GINN_ASSIGN(const double each, intake_cost(*training, contribution, bench.options().seconds));
  const Bytes payload(protocol::kContributionPrefixBytes +
                      training::encoded_size(training->graph()));
  const double size = static_cast<double>(payload.size());
  bench.add({"intake", "contributions", size / each * 1e-9, "GB/s", {}});
  bench.add({"intake", "one contribution", each * 1e3, "ms", {}});
  const auto check = [&]() -> Status {
    (void)crc32c(payload);
    return ok_status();
  };
  GINN_ASSIGN(const double checksum,
              median_seconds(ClockKind::kThread, bench.options().seconds / 4, check));
  bench.add({"intake", "of it, the checksum", checksum * 1e3, "ms", {}});
  return ok_status();
}

Status bench_replay(Bench& bench) {
  GINN_ASSIGN(const training::Training* training, bench.training());
  GINN_ASSIGN(const SyntheticRun* run, bench.run());
  const training::State state(training->graph(), run->job);
  const auto workspace = training->workspace();
  verifier::Replay replay{0, 0, nullptr, training::Contribution(training->graph())};
  const auto take_snapshot = [&] {
    replay.snapshot =
        std::make_shared<verifier::Snapshot>(state.weights(), state.parameter_count());
  };
  const auto replay_once = [&]() -> Status {
    GINN_ASSIGN(const auto deviation,
                verifier::replay_once(*training, *run->records, replay, *workspace));
    GINN_CHECK(!deviation.has_value());
    return ok_status();
  };
  take_snapshot();
  GINN_ASSIGN(const nn::StepWeights* weights, replay.snapshot->packed(*training));
  GINN_TRY(training->contribution(*run->records, *weights, 0, 0, *workspace, replay.received));
  const auto add = [&](const char* name, const auto& body) -> Status {
    GINN_ASSIGN(const double time,
                median_seconds(ClockKind::kThread, bench.options().seconds, body));
    bench.add({"replay", name, time * 1e3, "ms", {}});
    return ok_status();
  };
  GINN_TRY(add("packed weights shared with others of the step", replay_once));
  return add("weights copied and packed for it alone", [&]() -> Status {
    take_snapshot();
    return replay_once();
  });
}

// What a verifier does once a minute where the job has lives left: copies the state, seals it and
// writes the file down to the disk. Meanwhile it takes nothing in.
Status bench_checkpoint(Bench& bench) {
  GINN_ASSIGN(const training::Training* training, bench.training());
  GINN_ASSIGN(const SyntheticRun* run, bench.run());
  const training::State state(training->graph(), run->job);
  const auto attester = attest::simulated_attester(crypto::sha256(as_bytes("ginn bench")));
  const verifier::CheckpointHead head{1, false, 0, job::digest(run->job)};
  GINN_ASSIGN(const auto folder, TemporaryFolder::create());
  double bytes = 0;
  const auto seal = [&]() -> Result<Bytes> {
    verifier::Checkpoint checkpoint;
    const ByteView values = state.values();
    checkpoint.values.assign(values.begin(), values.end());
    return verifier::seal_checkpoint(*attester, head, checkpoint);
  };
  const double seconds = bench.options().seconds;
  GINN_ASSIGN(const double sealing, median_seconds(ClockKind::kThread, seconds, [&]() -> Status {
                GINN_ASSIGN(const Bytes file, seal());
                bytes = static_cast<double>(file.size());
                return ok_status();
              }));
  GINN_ASSIGN(const double whole, median_seconds(ClockKind::kWall, seconds, [&]() -> Status {
                GINN_ASSIGN(const Bytes file, seal());
                return write_file_atomic(folder->path() / verifier::kCheckpointFile, file);
              }));
  bench.add({"checkpoint", "copied and sealed, CPU time", sealing * 1e3, "ms", {}});
  const double each = verifier::RunOptions().checkpoint_seconds;
  bench.add({"checkpoint",
             "and written, wall time",
             whole * 1e3,
             "ms",
             {{"MB", bytes * 1e-6}, {"share_of_run", whole / each}}});
  return ok_status();
}

}  // namespace ginn::cli
