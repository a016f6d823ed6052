#include "cli/selftest_battery.h"
#include "cli/synthetic.h"
#include "training/training.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kSteps = 2;  // the second one has a momentum

// Steps from the seed: every contribution as encoded, the states, then the statistics and the model
// file made from the last one.
Result<crypto::Digest> run_steps(const SyntheticRun& run, device::Level level) {
  GINN_ASSIGN(const auto training, training::Training::create(run.job, level));
  const nn::Graph& graph = training->graph();
  training::State state(graph, run.job);
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
  for (const char* model : {"mlp", "lenet", "resnet8", "resnet18", "mobilenet_v2"}) {
    cases.push_back(
        {std::string("step/") + model, [model](device::Level level) -> Result<crypto::Digest> {
           SyntheticSize size;
           size.model = model;
           if (size.model == "resnet18" || size.model == "mobilenet_v2") {  // large: little of it
             size.height = size.width = 12;
             size.batch = 4;
             size.microbatch = 2;
           }
           GINN_ASSIGN(const SyntheticRun run, synthetic_run(size));
           return run_steps(run, level);
         }});
  }
  return cases;
}

}  // namespace ginn::cli
