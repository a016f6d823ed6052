#include "verifier/intake.h"

#include <cstring>

#include "base/text.h"

namespace ginn::verifier {

Snapshot::Snapshot(const float* weights, size_t count) : weights_(count) {
  std::memcpy(weights_.data(), weights, count * sizeof(float));
}

Result<const nn::StepWeights*> Snapshot::packed(const training::Training& training) const {
  std::call_once(once_, [&] { packed_.emplace(training.prepare(weights_.data())); });
  if (!packed_->ok()) return packed_->error();
  return &packed_->value();
}

Result<std::unique_ptr<Intake>> Intake::create(const training::Training& training) {
  GINN_ASSIGN(guarantee::Sampling sampling, job::sampling(training.job()));
  return std::unique_ptr<Intake>(new Intake(training, std::move(sampling)));
}

Intake::Intake(const training::Training& training, guarantee::Sampling sampling)
    : training_(training),
      sampling_(std::move(sampling)),
      state_(training),
      squares_(training.graph().parameters().size()),
      norm_limit_(training::norm_limit(training.job().clip_norm)),
      payload_bytes_(protocol::kContributionPrefixBytes +
                     training::encoded_size(training.graph())) {}

Status Intake::check_index(const protocol::ContributionPrefix& prefix) const {
  const uint32_t microbatches = training_.job().microbatches();
  const std::string found = concat("(step ", prefix.step, ", microbatch ", prefix.microbatch, ")");
  if (prefix.step >= training_.job().steps || prefix.microbatch >= microbatches) {
    return refused("contribution_index",
                   concat(found,
                          " does not exist: ",
                          training_.job().steps,
                          " steps of ",
                          microbatches,
                          " microbatches"));
  }
  const uint64_t index = prefix.step * microbatches + prefix.microbatch;
  if (index < taken()) {
    return refused("contribution_duplicate", concat(found, " was taken in before and is final"));
  }
  if (index > taken()) {
    return refused("contribution_order",
                   concat(found,
                          " came, the next one is (step ",
                          next_step(),
                          ", microbatch ",
                          next_microbatch(),
                          ")"));
  }
  return ok_status();
}

Result<std::optional<Replay>> Intake::take(ByteView payload, uint64_t coin) {
  GINN_CHECK(!complete());
  if (payload.size() != payload_bytes_) {
    return refused(
        "contribution_length",
        concat("a contribution's frame has ", payload_bytes_, " bytes, found ", payload.size()));
  }
  constexpr size_t kPrefix = protocol::kContributionPrefixBytes;
  GINN_ASSIGN(const protocol::ContributionPrefix prefix,
              protocol::parse_prefix(payload.first<kPrefix>()));
  GINN_TRY(check_index(prefix));
  const device::MapKernels& maps = training_.maps();
  const nn::Graph& graph = training_.graph();
  training::Contribution& incoming = state_.incoming();
  GINN_TRY(training::decode(graph, maps, payload.subspan(kPrefix), incoming, squares_));
  if (!training::norm_within(graph, incoming.exponents, squares_, norm_limit_)) {
    return refused("contribution_norm",
                   concat("(step ",
                          prefix.step,
                          ", microbatch ",
                          prefix.microbatch,
                          "): its norm is above clip_norm = ",
                          training_.job().clip_norm));
  }
  std::optional<Replay> replay;
  if (sampling_.replayed(prefix.step, coin)) {
    if (snapshot_ == nullptr) {
      snapshot_ = std::make_shared<Snapshot>(state_.weights(), state_.parameter_count());
    }
    training::Contribution received(graph);
    received.exponents = incoming.exponents;
    std::memcpy(received.q.data(), incoming.q.data(), incoming.q.size() * sizeof(int16_t));
    replay.emplace(Replay{prefix.step, prefix.microbatch, snapshot_, std::move(received)});
  }
  state_.add(maps);
  if (state_.taken() == training_.job().microbatches()) {
    snapshot_ = nullptr;
    GINN_TRY(state_.apply(maps));
  }
  return replay;
}

}  // namespace ginn::verifier
