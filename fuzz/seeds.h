#pragma once

#include <vector>

#include "base/bytes.h"
#include "crypto/sha256.h"
#include "crypto/signature.h"
#include "job/job.h"
#include "nn/graph.h"
#include "protocol/transcript.h"

namespace ginn::fuzz {

// Accepted inputs, made by the code that writes the real ones.
std::vector<Bytes> seeds_frame();
std::vector<Bytes> seeds_status();
std::vector<Bytes> seeds_contribution();
std::vector<Bytes> seeds_json();
std::vector<Bytes> seeds_job();
std::vector<Bytes> seeds_job_file();
std::vector<Bytes> seeds_gzip();
std::vector<Bytes> seeds_idx();
std::vector<Bytes> seeds_safetensors();
// The small network whose weights the "weights" target reads, and files of it.
job::Job weights_job();
std::vector<Bytes> seeds_weights();
std::vector<Bytes> seeds_envelope();
std::vector<Bytes> seeds_certificate();
std::vector<Bytes> seeds_rejection();
std::vector<Bytes> seeds_start();
std::vector<Bytes> seeds_evidence();
std::vector<Bytes> seeds_transcript();
std::vector<Bytes> seeds_checkpoint();

inline constexpr size_t kContributionPayload = 4096;  // that frames are parsed with
inline constexpr uint32_t kSeedLife = 1;
std::vector<protocol::TranscriptLife> seed_lives();
const crypto::SigningKey& seed_key();
crypto::Digest seed_job_digest();
Bytes zero_contribution(const nn::Graph& graph);

}  // namespace ginn::fuzz
