#include "cli/selftest_battery.h"
#include "cli/synthetic.h"
#include "training/training.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kSteps = 2;  // the second one has a momentum

// Starts from another seed's weights, with the first layers frozen and a new head that learns
// faster.
Result<SyntheticRun> transfer_run(Bytes& weights) {
  SyntheticSize size;
  size.model = "resnet8";
  GINN_ASSIGN(SyntheticRun run, synthetic_run(size));
  job::Job first = run.job;
  first.seed += 1;
  GINN_ASSIGN(const auto training, training::Training::create(first, device::Level::kPortable));
  const size_t channels = training->graph().batch_norm_channels();
  const training::State start(*training);
  const training::RunningStatistics statistics{std::vector<float>(channels),
                                               std::vector<float>(channels, 1.0f)};
  weights = training->model_file(start.weights(), statistics);
  run.job.weights = job::StartWeights{crypto::sha256(weights), {"fc.*"}};
  run.job.freeze = {"conv1.*", "bn1.*", "layer1.*", "layer2.0.conv1.weight"};
  run.job.groups = {{{"fc.*"}, 5.0}, {{"*.bn2.*"}, 0.3}};
  run.job.weight_decay = 0.01;
  return run;
}

// Steps from the start: every contribution as encoded, the states, then the statistics and the
// model file made from the last one.
Result<crypto::Digest> run_steps(const SyntheticRun& run,
                                 device::Level level,
                                 const Bytes& file = {}) {
  GINN_ASSIGN(
      const auto training,
      training::Training::create(run.job, level, [&](uint64_t) -> Result<Bytes> { return file; }));
  const nn::Graph& graph = training->graph();
  training::State state(*training);
  const auto workspace = training->workspace();
  training::Contribution contribution(graph);
  Bytes encoded(training::encoded_size(graph));
  crypto::Sha256 hash;

  for (uint64_t t = 0; t < kSteps; ++t) {
    GINN_ASSIGN(const nn::StepWeights weights, training->prepare(state.weights()));
    for (uint32_t j = 0; j < run.job.microbatches(); ++j) {
      GINN_TRY(training->contribution(*run.records, weights, t, j, *workspace, contribution));
      training::encode(graph, contribution, encoded);
      hash.update(encoded);
      state.add(training->maps(), contribution);
    }
    GINN_TRY(state.apply(training->maps()));
    hash.update(state.digest());
  }
  ThreadPool pool(1);
  GINN_ASSIGN(const training::RunningStatistics statistics,
              training->running_statistics(*run.records, state.weights(), pool));
  hash.update(training->model_file(state.weights(), statistics));
  return hash.finish();
}

}  // namespace

std::vector<SelftestCase> step_cases() {
  std::vector<SelftestCase> cases;
  for (const char* name : {"mlp",
                           "lenet",
                           "resnet8",
                           "resnet18",
                           "mobilenet_v2",
                           "mlp_dfp16",
                           "resnet8_dfp16",
                           "lenet_dfp16"}) {
    cases.push_back(
        {std::string("step/") + name, [name](device::Level level) -> Result<crypto::Digest> {
           const std::string_view all = name;
           const bool dfp16 = all.ends_with("_dfp16");
           SyntheticSize size;
           size.model = all.substr(0, all.size() - (dfp16 ? 6 : 0));
           if (size.model == "resnet18" || size.model == "mobilenet_v2") {  // large: little of it
             size.height = size.width = 12;
             size.batch = 4;
             size.microbatch = 2;
           }
           GINN_ASSIGN(SyntheticRun run, synthetic_run(size));
           if (dfp16) run.job.format = "dfp16";
           return run_steps(run, level);
         }});
  }
  cases.push_back({"step/transfer", [](device::Level level) -> Result<crypto::Digest> {
                     Bytes weights;
                     GINN_ASSIGN(const SyntheticRun run, transfer_run(weights));
                     return run_steps(run, level, weights);
                   }});
  return cases;
}

}  // namespace ginn::cli
