#include "tests/simulation/reference.h"

#include <array>

#include "protocol/frame.h"

namespace ginn::simulation {
namespace {

struct Shape {
  guarantee::Verify verify;
  uint32_t lives, epochs, batch;
  uint64_t budget;  // contributions
};

constexpr std::array<Shape, static_cast<size_t>(Kind::kCount)> kShapes = {{
    {guarantee::Verify::kAll, 1, 1, 4, 1},      // 6 steps of 2
    {guarantee::Verify::kAll, 3, 1, 6, 1},      // 4 steps of 3
    {guarantee::Verify::kSample, 2, 1, 4, 6},   // 6 steps of 2
    {guarantee::Verify::kSample, 4, 2, 6, 12},  // 8 steps of 3
    {guarantee::Verify::kAll, 2, 11, 4, 1},     // 66 steps of 2: more than a queue holds
}};

job::Job tiny_job(const data::MemoryRecords& records, const Shape& shape) {
  job::Job job = test::synthetic_job(records, "mlp");
  job.preprocess = {};
  job.batch = shape.batch;
  job.microbatch = 2;
  job.epochs = shape.epochs;
  job.lives = shape.lives;
  job.verify = shape.verify;
  job.budget.is_share = false;
  job.budget.count = shape.budget;
  test::derive_steps(job);
  return job;
}

Reference make(const Shape& shape) {
  test::SyntheticOptions options;
  options.records = 24;
  options.height = options.width = 4;
  auto records = test::synthetic_records(options);
  const job::Job job = tiny_job(*records, shape);
  const auto level = device::choose_level();
  GINN_CHECK(level.ok() && job::validate(job).empty());
  auto training = training::Training::create(job, *level);
  GINN_CHECK(training.ok());
  Reference made{std::move(records),
                 job,
                 job::canonical(job),
                 std::move(training).value(),
                 {},
                 {},
                 {},
                 {},
                 job::sampling(job).value()};
  training::State state(made.training->graph(), job);
  training::Contribution decoded(made.training->graph());
  const device::MapKernels& maps = made.training->maps();
  for (uint64_t t = 0; t < job.steps; ++t) {
    made.values.emplace_back(state.values().begin(), state.values().end());
    std::vector<Payload> step;
    for (uint32_t j = 0; j < job.microbatches(); ++j) {
      step.push_back(honest_payload(made, state, t * job.microbatches() + j));
    }
    for (const Payload& payload : step) {
      const ByteView body = ByteView(*payload).subspan(protocol::kContributionPrefixBytes);
      GINN_CHECK(training::decode(made.training->graph(), maps, body, decoded).ok());
      state.add(maps, decoded);
      made.payloads.push_back(payload);
    }
    GINN_CHECK(state.apply(maps).ok());
  }
  made.values.emplace_back(state.values().begin(), state.values().end());
  made.last = state.digest();
  made.model = model_of(made, state);
  return made;
}

}  // namespace

const Reference& reference(Kind kind) {
  static std::array<std::unique_ptr<Reference>, static_cast<size_t>(Kind::kCount)> made;
  auto& one = made[static_cast<size_t>(kind)];
  if (one == nullptr) one = std::make_unique<Reference>(make(kShapes[static_cast<size_t>(kind)]));
  return *one;
}

std::unique_ptr<training::State> state_after(const Reference& reference,
                                             const std::vector<Payload>& history) {
  const training::Training& training = *reference.training;
  auto state = std::make_unique<training::State>(training.graph(), reference.job);
  training::Contribution decoded(training.graph());
  for (const Payload& payload : history) {
    const ByteView body = ByteView(*payload).subspan(protocol::kContributionPrefixBytes);
    GINN_CHECK(training::decode(training.graph(), training.maps(), body, decoded).ok());
    state->add(training.maps(), decoded);
    if (state->taken() == reference.job.microbatches()) {
      GINN_CHECK(state->apply(training.maps()).ok());
    }
  }
  return state;
}

Payload honest_payload(const Reference& reference, const training::State& state, uint64_t index) {
  const training::Training& training = *reference.training;
  const uint32_t microbatches = reference.job.microbatches();
  const uint64_t t = index / microbatches;
  const auto j = static_cast<uint32_t>(index % microbatches);
  GINN_CHECK(state.step() == t);
  const auto weights = training.prepare(state.weights());
  GINN_CHECK(weights.ok());
  const auto workspace = training.workspace();
  training::Contribution out(training.graph());
  GINN_CHECK(training.contribution(*reference.records, *weights, t, j, *workspace, out).ok());
  constexpr size_t kPrefix = protocol::kContributionPrefixBytes;
  auto payload = std::make_shared<Bytes>(kPrefix + training::encoded_size(training.graph()));
  const std::span<uint8_t> bytes(*payload);
  protocol::write_prefix({t, j}, bytes.first<kPrefix>());
  training::encode(training.graph(), out, bytes.subspan(kPrefix));
  return payload;
}

Bytes model_of(const Reference& reference, const training::State& state) {
  ThreadPool pool(1);
  const auto statistics =
      reference.training->running_statistics(*reference.records, state.weights(), pool);
  GINN_CHECK(statistics.ok());
  return reference.training->model_file(state.weights(), *statistics);
}

}  // namespace ginn::simulation
