#pragma once

#include <functional>
#include <vector>

#include "job/job.h"
#include "nn/graph.h"

namespace ginn::training {

// Reads a file of at most `limit` bytes into private memory, once.
using WeightsReader = std::function<Result<Bytes>(uint64_t limit)>;

// The largest file of weights that is read for a network: its own tensors, and 256 MiB of tensors
// that the job excepts, such as another head.
uint64_t max_weights_bytes(const nn::Graph& graph);

// The parameters that a job with weights starts with: those of its file (docs/arithmetic.md,
// section 3), but the `fresh` ones, which the seed gives. The bytes are hostile until their digest
// is the job's, and are parsed as such all the same. Codes: the reader's, "weights_digest",
// parse_safetensors's, "weights_tensors", which names every tensor that is missing, not the
// network's, of another type or shape, or not finite.
Result<std::vector<float>> start_parameters(const nn::Graph& graph,
                                            const job::Job& job,
                                            const std::vector<bool>& fresh,
                                            const WeightsReader& read);

}  // namespace ginn::training
