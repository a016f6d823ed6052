#include "fuzz/targets.h"

#include <cmath>

#include "attest/produce/attester.h"
#include "attest/verify/evidence.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/text.h"
#include "certificate/check/statement.h"
#include "certificate/issue/grant.h"
#include "crypto/dsse.h"
#include "crypto/json.h"
#include "fuzz/evidence_targets.h"
#include "fuzz/seeds.h"
#include "import/gzip.h"
#include "import/idx.h"
#include "import/toml_job.h"
#include "job/selection.h"
#include "model_file/safetensors.h"
#include "nn/models.h"
#include "protocol/frame.h"
#include "protocol/transcript.h"
#include "training/contribution.h"
#include "training/start.h"
#include "verifier/checkpoint.h"

namespace ginn::fuzz {
namespace {

// The header as a peer would send it: with the checksum that belongs to it.
bool run_frame(ByteView input) {
  if (input.size() < protocol::kHeaderBytes) return false;
  std::array<uint8_t, protocol::kHeaderBytes> bytes;
  std::copy_n(input.begin(), bytes.size(), bytes.begin());
  const uint32_t own = crc32c(ByteView(bytes).first(16));
  std::memcpy(bytes.data() + 16, &own, sizeof own);
  uint32_t sequence = 0;
  std::memcpy(&sequence, bytes.data() + 8, sizeof sequence);
  bool accepted = false;
  for (const size_t contribution : {size_t{0}, kContributionPayload}) {
    const auto header = protocol::parse_header(bytes, {contribution, contribution}, sequence);
    if (!header.ok()) continue;
    accepted = true;
    GINN_CHECK(protocol::frame_header(*header) == bytes);
    GINN_CHECK(header->length <= std::max(contribution, protocol::kMaxJobBytes));
    GINN_CHECK(!protocol::parse_header(bytes, {contribution, contribution}, sequence + 1).ok());
  }
  return accepted;
}

bool run_status(ByteView input) {
  const auto status = protocol::parse_status(input);
  if (!status.ok()) return false;
  const Bytes again = protocol::write_status(*status);
  GINN_CHECK(std::equal(again.begin(), again.end(), input.begin(), input.end()));
  return true;
}

bool run_contribution(ByteView input) {
  static const nn::Graph graph = nn::build_model("lenet", 12, 12, 1, 4).value();
  const auto& maps = device::map_kernels(device::Level::kPortable);
  training::Contribution contribution(graph);
  // Inputs are short: they are the beginning of an all-zero contribution.
  Bytes whole = zero_contribution(graph);
  if (input.size() > whole.size()) return false;
  std::copy(input.begin(), input.end(), whole.begin());
  if (!training::decode(graph, maps, whole, contribution).ok()) return false;
  Bytes again(training::encoded_size(graph));
  training::encode(graph, contribution, again);
  GINN_CHECK(again == whole);
  (void)training::norm_within(graph, maps, contribution, training::norm_limit(0.5));
  return true;
}

bool run_json(ByteView input) {
  const auto json = crypto::parse_json(as_text(input));
  if (!json.ok()) return false;
  const std::string text = crypto::canonical_json(*json);
  const auto again = crypto::parse_json(text);
  GINN_CHECK(again.ok() && crypto::canonical_json(*again) == text);
  return true;
}

bool run_job(ByteView input) {
  const auto job = job::parse(as_text(input));
  if (!job.ok()) return false;
  const std::string text = job::canonical(*job);
  const auto again = job::parse(text);
  GINN_CHECK(again.ok() && job::digest(*again) == job::digest(*job));
  return true;
}

bool run_job_file(ByteView input) {
  return import::parse_job_file(as_text(input), "job.toml").ok();
}

bool run_gzip(ByteView input) {
  constexpr uint64_t kLimit = 1 << 20;
  const auto bytes = import::gunzip(input, kLimit, "file.gz");
  GINN_CHECK(!bytes.ok() || bytes->size() <= kLimit);
  return bytes.ok();
}

bool run_idx(ByteView input) {
  bool accepted = false;
  for (const auto kind : {import::IdxKind::kImages, import::IdxKind::kLabels}) {
    const auto idx = import::Idx::parse(Bytes(input.begin(), input.end()), kind, "file");
    if (!idx.ok()) continue;
    accepted = true;
    GINN_CHECK(idx->values().size() ==
               size_t{idx->count()} * idx->height() * idx->width() * idx->channels());
  }
  return accepted;
}

bool run_safetensors(ByteView input) {
  const auto file = model_file::parse_safetensors(input);
  if (!file.ok()) return false;
  const auto written = model_file::write_safetensors(file->tensors, file->metadata);
  GINN_CHECK(written.ok());
  const auto again = model_file::parse_safetensors(*written);
  GINN_CHECK(again.ok() && again->tensors.size() == file->tensors.size() &&
             again->metadata == file->metadata);
  for (size_t i = 0; i < again->tensors.size(); ++i) {
    GINN_CHECK(again->tensors[i].data == file->tensors[i].data);
  }
  return true;
}

// Weights that a job names, whatever they are.
bool run_weights(ByteView input) {
  static const nn::Graph graph = nn::build_model("mlp", 1, 2, 1, 2).value();
  job::Job job = weights_job();
  job.weights->sha256 = crypto::sha256(input);
  const auto start = training::start_parameters(
      graph, job, job::select(job, graph).fresh, [&](uint64_t limit) -> Result<Bytes> {
        GINN_CHECK(input.size() <= limit);
        return Bytes(input.begin(), input.end());
      });
  if (!start.ok()) return false;
  GINN_CHECK(start->size() == graph.parameter_count());
  for (const float value : *start) GINN_CHECK(std::isfinite(value));
  return true;
}

bool run_envelope(ByteView input) {
  const auto envelope = crypto::parse_envelope(as_text(input), size_t{1} << 18);
  if (!envelope.ok()) return false;
  (void)crypto::verify_envelope(*envelope, seed_key().public_key());
  return true;
}

bool run_certificate(ByteView input) {
  return certificate::parse_certificate_statement(as_text(input)).ok();
}
bool run_start(ByteView input) {
  const auto request = certificate::parse_request(as_text(input));
  if (!request.ok()) return false;
  const auto again = certificate::parse_request(certificate::write_request(*request));
  GINN_CHECK(again.ok() && again->start == request->start);
  return true;
}
bool run_rejection(ByteView input) {
  return certificate::parse_rejection_statement(as_text(input)).ok();
}
bool run_evidence(ByteView input) { return attest::verify_evidence(as_text(input)).ok(); }

bool run_transcript(ByteView input) {
  const std::vector<protocol::TranscriptLife> lives = seed_lives();
  for (size_t count = 1; count <= lives.size(); ++count) {
    const auto replayed = protocol::replay_transcript(
        as_text(input), seed_job_digest(), std::span(lives).first(count));
    if (!replayed.ok()) continue;
    GINN_CHECK(replayed->lines == replayed->entries.size() + count - 1);
    if (count > 1) return true;
    // The chain of its entries is the text again.
    protocol::Transcript transcript(seed_job_digest(), lives[0].key, lives[0].life);
    std::string text;
    for (const auto& entry : replayed->entries) text += transcript.append(entry.step, entry.state);
    GINN_CHECK(text == as_text(input) && transcript.head() == replayed->head);
    return true;
  }
  return false;
}

// Both the form in clear and, as if a seal could be forged, what is sealed.
bool run_checkpoint(ByteView input) {
  const auto attester = attest::simulated_attester({});
  auto file = verifier::parse_checkpoint(Bytes(input.begin(), input.end()));
  if (file.ok()) (void)verifier::unseal_checkpoint(*attester, *file);
  const auto read = verifier::read_checkpoint(input);
  return read.ok();
}

constexpr Target kTargets[] = {
    {"checkpoint", run_checkpoint, seeds_checkpoint},
    {"frame", run_frame, seeds_frame},
    {"status", run_status, seeds_status},
    {"contribution", run_contribution, seeds_contribution},
    {"json", run_json, seeds_json},
    {"job", run_job, seeds_job},
    {"job_file", run_job_file, seeds_job_file},
    {"gzip", run_gzip, seeds_gzip},
    {"idx", run_idx, seeds_idx},
    {"safetensors", run_safetensors, seeds_safetensors},
    {"weights", run_weights, seeds_weights},
    {"envelope", run_envelope, seeds_envelope},
    {"certificate", run_certificate, seeds_certificate},
    {"rejection", run_rejection, seeds_rejection},
    {"start", run_start, seeds_start},
    {"evidence", run_evidence, seeds_evidence},
    {"transcript", run_transcript, seeds_transcript},
};

}  // namespace

std::span<const Target> targets() {
  static const std::vector<Target> all = [] {
    std::vector<Target> rows(std::begin(kTargets), std::end(kTargets));
    rows.insert(rows.end(), evidence_targets().begin(), evidence_targets().end());
    return rows;
  }();
  return all;
}

const Target* find_target(std::string_view name) {
  for (const Target& target : targets()) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace ginn::fuzz
