#include "training/state.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "arithmetic/elementary.h"
#include "arithmetic/format.h"
#include "base/text.h"
#include "nn/run.h"
#include "training/training.h"

namespace ginn::training {
namespace {

constexpr uint32_t kInfinity = 0x7f800000u;  // magnitude bits: NaN is above it

}  // namespace

float learning_rate(const job::Job& job, uint64_t step) {
  const job::LearningRate& lr = job.lr;
  const double steps = static_cast<double>(job.steps);
  const double t = static_cast<double>(step);
  const float peak = static_cast<float>(lr.peak);
  const double warmup = std::floor(lr.warmup * steps);
  if (t < warmup) {
    return peak * (static_cast<float>(step + 1) / static_cast<float>(warmup));
  }
  switch (lr.schedule) {
    case job::Schedule::kConstant:
      return peak;
    case job::Schedule::kCosine: {
      const double x = (t - warmup) / (steps - warmup);
      return peak * (0.5f * (1.0f + cospi_f32(static_cast<float>(x))));
    }
    case job::Schedule::kStep: {
      float rate = peak;
      for (double milestone : lr.milestones) {
        if (t >= milestone * steps) rate = rate * static_cast<float>(lr.gamma);
      }
      return rate;
    }
  }
  check_failed(__FILE__, __LINE__, "schedule");
}

State::State(const Training& training)
    : graph_(training.graph()),
      job_(training.job()),
      values_(2 * graph_.parameter_count()),
      sum_(graph_, job_.microbatches()) {
  training.copy_start(values_.data());
}

State::State(const nn::Graph& graph, const job::Job& job)
    : graph_(graph),
      job_(job),
      values_(2 * graph.parameter_count()),
      sum_(graph, job.microbatches()) {
  GINN_CHECK(!job.weights);
  nn::initialise(graph, job.seed, values_.data());
}

void State::add(const device::MapKernels& maps, const Contribution& contribution) {
  Contribution& incoming = sum_.incoming();
  incoming.exponents = contribution.exponents;
  std::memcpy(incoming.q.data(), contribution.q.data(), incoming.q.size() * sizeof(int16_t));
  sum_.add(maps);
}

device::SgdConstants State::constants(const nn::Parameter& parameter) const {
  device::SgdConstants constants{};
  constants.learning_rate = learning_rate(job_, step_) * parameter.rate_scale;
  constants.momentum = static_cast<float>(job_.momentum);
  constants.weight_decay = static_cast<float>(job_.weight_decay);
  constants.decoupled_decay = constants.learning_rate * constants.weight_decay;
  constants.decoupled = job_.decoupled;
  constants.nesterov = job_.nesterov;
  constants.microbatches = static_cast<double>(job_.microbatches());
  return constants;
}

Status State::apply(const device::MapKernels& maps) {
  GINN_CHECK(taken() == job_.microbatches());
  const auto own = [&](size_t parameter, size_t first, size_t count, int64_t* out) {
    sum_.sum(maps, parameter, first, count, out);
  };
  GINN_TRY(apply(maps, own, nullptr));
  sum_.clear();
  return ok_status();
}

Status State::apply(const device::MapKernels& maps, const SumSource& sums, ThreadPool& pool) {
  GINN_CHECK(taken() == 0);
  return apply(maps, sums, &pool);
}

Status State::apply(const device::MapKernels& maps, const SumSource& sums, ThreadPool* pool) {
  constexpr size_t kPiece = size_t{1} << 18;  // of a thread's turn
  constexpr size_t kBlock = 2048;             // sums at a time: within the first cache
  struct Piece {
    size_t parameter, first, count;
    uint32_t largest = 0;
  };
  std::vector<Piece> pieces;
  for (size_t p = 0; p < graph_.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph_.parameters()[p];
    if (parameter.frozen) continue;
    for (size_t first = 0; first < parameter.count; first += kPiece) {
      pieces.push_back({p, first, std::min(kPiece, parameter.count - first)});
    }
  }
  parallel_for(pool, pieces.size(), [&](size_t i, size_t) {
    Piece& piece = pieces[i];
    const nn::Parameter& parameter = graph_.parameters()[piece.parameter];
    const device::SgdConstants sgd = constants(parameter);
    float* w = values_.data() + parameter.offset;
    float* v = w + parameter_count();
    int64_t block[kBlock];
    const size_t end = piece.first + piece.count;
    for (size_t at = piece.first; at < end; at += kBlock) {
      const size_t count = std::min(kBlock, end - at);
      sums(piece.parameter, at, count, block);
      piece.largest = std::max(piece.largest, maps.sgd(block, count, sgd, w + at, v + at));
    }
  });
  for (const Piece& piece : pieces) {
    if (piece.largest < kInfinity) continue;
    return nn::not_finite(graph_.parameters()[piece.parameter].name, "the parameter");
  }
  ++step_;
  return ok_status();
}

crypto::Digest State::digest() const { return crypto::chunked_digest(values()); }

Status State::restore(uint64_t step, uint32_t taken, ByteView saved_values, ByteView saved_sums) {
  const bool begun = taken > 0;
  if (step > job_.steps || taken >= job_.microbatches() || (begun && step == job_.steps) ||
      saved_values.size() != values().size() ||
      saved_sums.size() != (begun ? parameter_count() * sizeof(int64_t) : 0)) {
    return input_error("state_form",
                       concat("a saved state of step ",
                              step,
                              ", microbatch ",
                              taken,
                              " with ",
                              saved_values.size(),
                              " and ",
                              saved_sums.size(),
                              " bytes is not one of this job"));
  }
  std::memcpy(values_.data(), saved_values.data(), saved_values.size());
  sum_.restore(taken, saved_sums);
  step_ = step;
  return ok_status();
}

}  // namespace ginn::training
