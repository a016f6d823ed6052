#pragma once

#include <memory>
#include <vector>

#include "tests/support/synthetic.h"
#include "training/training.h"

namespace ginn::simulation {

using Payload = std::shared_ptr<const Bytes>;  // of a contribution frame

// A tiny job and its honest run, shared by all seeds: what every simulated run is compared with.
struct Reference {
  std::unique_ptr<data::MemoryRecords> records;
  job::Job job;
  std::string job_text;
  std::unique_ptr<training::Training> training;
  std::vector<Payload> payloads;  // in order
  std::vector<Bytes> values;      // the state at the start of each step, and at the end
  crypto::Digest last{};          // of the state at the end
  Bytes model;                    // model.safetensors
  guarantee::Sampling sampling;

  uint64_t count() const { return payloads.size(); }
};

enum class Kind { kAll, kAllLives, kSample, kSampleLives, kLong, kCount };

const Reference& reference(Kind kind);

// The job's function of a history of taken contributions: the state after it.
std::unique_ptr<training::State> state_after(const Reference& reference,
                                             const std::vector<Payload>& history);
// What an honest worker sends next after this history, at the state at the start of its step.
Payload honest_payload(const Reference& reference, const training::State& state, uint64_t index);
Bytes model_of(const Reference& reference, const training::State& state);

}  // namespace ginn::simulation
