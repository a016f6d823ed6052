#include "fuzz/seeds.h"

#include "attest/produce/attester.h"
#include "attest/report_data.h"
#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/grant.h"
#include "certificate/issue/statement.h"
#include "crypto/dsse.h"
#include "import/import_test_files.h"
#include "job/job.h"
#include "model_file/safetensors.h"
#include "nn/models.h"
#include "protocol/frame.h"
#include "protocol/transcript.h"
#include "tests/support/checkpoint_bytes.h"
#include "tests/support/synthetic.h"
#include "training/contribution.h"
#include "verifier/checkpoint.h"

namespace ginn::fuzz {
namespace {

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

const job::Job& seed_job() {
  static const job::Job job = test::synthetic_job(*test::synthetic_records({}), "resnet8");
  return job;
}

std::string evidence() {
  const auto attester = attest::simulated_attester(crypto::sha256(as_bytes("program")));
  return attester->evidence(attest::report_data(seed_key().public_key(), seed_job_digest(), 1))
      .value();
}

std::string certificate_text() {
  const job::Job& job = seed_job();
  const certificate::Terms terms{job.probability,
                                 job.budget,
                                 job.verify,
                                 job.verify_last,
                                 job.lives,
                                 job.steps,
                                 job::sampling(job).value()};
  const certificate::StartStatement start{
      job.nonce, seed_job_digest(), seed_key().public_key(), kSeedLife, std::nullopt};
  const certificate::Claim claim{
      .subjects = {{"model.safetensors", crypto::sha256(as_bytes("model"))}},
      .job = job::canonical(job),
      .arithmetic_format = job.format,
      .terms = terms,
      .replayed = 700,
      .transcript_head = {},
      .transcript_entries = 3,
      .life = kSeedLife,
      .verifier = {"0.1.0", evidence()},
      .grants = {certificate::issue_grant(seed_key(), start, true)},
      .batch_norm_samples = job.bn_samples};
  return certificate::issue_certificate(seed_key(), claim).value();
}

std::string rejection_text() {
  certificate::RejectionClaim claim;
  claim.job = job::canonical(seed_job());
  claim.code = "deviation";
  claim.message = "one integer differs";
  claim.step = 12;
  claim.microbatch = 3;
  claim.records = {4, 5, 6};
  claim.received = crypto::sha256(as_bytes("received"));
  claim.expected = crypto::sha256(as_bytes("expected"));
  claim.verifier = {"0.1.0", evidence()};
  return certificate::issue_rejection(seed_key(), claim).value();
}

Bytes payload_of(const std::string& envelope) {
  return crypto::parse_envelope(envelope, certificate::kMaxStatementBytes).value().payload;
}

}  // namespace

const crypto::SigningKey& seed_key() {
  static const crypto::SigningKey key = crypto::SigningKey::from_seed(Bytes(32, 1)).value();
  return key;
}

crypto::Digest seed_job_digest() { return job::digest(seed_job()); }

Bytes zero_contribution(const nn::Graph& graph) {
  Bytes bytes(training::encoded_size(graph));
  training::encode(graph, training::Contribution(graph), bytes);
  return bytes;
}

std::vector<Bytes> seeds_frame() {
  std::vector<Bytes> seeds;
  for (const auto& [type, length] : {std::pair{protocol::FrameType::kHello, 4u},
                                     {protocol::FrameType::kJob, 300u},
                                     {protocol::FrameType::kContribution, 4096u},
                                     {protocol::FrameType::kEnd, 0u},
                                     {protocol::FrameType::kVerdict, 100u}}) {
    const auto header = protocol::frame_header({type, length, 3, 77});
    seeds.emplace_back(header.begin(), header.end());
  }
  return seeds;
}

std::vector<Bytes> seeds_status() { return {protocol::write_status({12, 3, 1})}; }

std::vector<Bytes> seeds_contribution() {
  // Tensor conv1.weight: its exponent, then integers.
  return {Bytes{0xd8}, Bytes{0xec, 1, 0, 0xff, 0x7f, 1, 0x80}, Bytes{20, 0xff, 0xff}};
}

std::vector<Bytes> seeds_json() {
  return {bytes_of(R"({"a":[1,2.5,-3e-7,true,false,null],"b":{"c":"\u00e9\n\"\\"}})"),
          bytes_of("[[[[[[1]]]]]]"),
          bytes_of("0"),
          bytes_of(job::canonical(seed_job()))};
}

std::vector<Bytes> seeds_job() {
  job::Job transfer = seed_job();
  transfer.weights = job::StartWeights{crypto::sha256(as_bytes("weights")), {"fc.*"}};
  transfer.freeze = {"conv1.*", "layer?.*.conv2.weight"};
  transfer.groups = {{{"fc.weight"}, 10.0}, {{"bn1.*"}, 0.5}};
  return {bytes_of(job::canonical(seed_job())), bytes_of(job::canonical(transfer))};
}

std::vector<Bytes> seeds_job_file() {
  return {bytes_of("[model]\nname = \"lenet\"\n[data]\ntrain = \"a/train\"\npad = 2\nmean = [0.5]\n"
                   "[augment]\ncrop = 2\nflip = true\n[train]\nepochs = 4\nclip_norm = 0.5\n"
                   "[train.lr]\nschedule = \"step\"\npeak = 0.1\nmilestones = [0.5, 0.8]\n"
                   "gamma = 0.1\n[integrity]\nbudget = 0.01\n"),
          bytes_of("[model]\nname = \"lenet\"\nweights = \"m.safetensors\"\nweights_except = "
                   "[\"fc3.*\"]\n[data]\ntrain = \"t\"\n[train]\nepochs = 1\nfreeze = [\"conv*\", "
                   "\"fc1.bias\"]\n[[train.groups]]\nparameters = [\"fc3.*\"]\nlr_scale = 2.5\n"
                   "[train.lr]\npeak = 0.1\n"),
          bytes_of("[model]\nname = \"mlp\"\n[data]\ntrain = \"t\"\n[train]\nepochs = 1\n"
                   "[train.lr]\npeak = 0.1\n")};
}

std::vector<Bytes> seeds_gzip() {
  return {import::testing::gzip(import::testing::counting(300)),
          import::testing::gzip(Bytes(5000, 7)),
          import::testing::gzip({})};
}

std::vector<Bytes> seeds_idx() {
  const Bytes images = import::testing::idx_bytes({4, 2, 3}, import::testing::counting(24));
  return {images,
          import::testing::idx_bytes({4}, Bytes{0, 2, 1, 2}),
          import::testing::idx_bytes({2, 2, 2, 3}, import::testing::counting(24)),
          import::testing::gzip(images)};
}

std::vector<Bytes> seeds_safetensors() {
  using model_file::Dtype;
  const std::vector<model_file::NamedTensor> tensors = {
      {"conv1.weight", Dtype::kF32, {2, 1, 1, 2}, Bytes(16, 3)},
      {"bn1.num_batches_tracked", Dtype::kI64, {}, Bytes(8, 1)},
      {"empty", Dtype::kF32, {0, 5}, {}}};
  return {model_file::write_safetensors(tensors, {{"format", "pt"}}).value(),
          model_file::write_safetensors({}, {}).value()};
}

job::Job weights_job() {
  job::Job job;
  job.model = "mlp";
  job.data = {64, 1, 2, 1, 2, {}};
  job.mean = job.std = {0.5};
  job.weights = job::StartWeights{{}, {"fc1.*", "fc2.weight"}};
  return job;
}

std::vector<Bytes> seeds_weights() {
  using model_file::Dtype;
  std::vector<model_file::NamedTensor> tensors = {
      {"fc2.bias", Dtype::kF32, {128}, Bytes(512, 1)},
      {"fc3.weight", Dtype::kF32, {2, 128}, Bytes(1024, 2)},
      {"fc3.bias", Dtype::kF32, {2}, Bytes(8, 3)}};
  const Bytes fits = model_file::write_safetensors(tensors, {}).value();
  tensors.push_back({"fc1.weight", Dtype::kI8, {1, 2}, Bytes(2)});
  return {fits, model_file::write_safetensors(tensors, {}).value()};
}

std::vector<Bytes> seeds_envelope() {
  return {bytes_of(crypto::sign_envelope(seed_key(), "text/plain", as_bytes("hello"))),
          bytes_of(certificate_text())};
}
std::vector<Bytes> seeds_certificate() { return {payload_of(certificate_text())}; }
std::vector<Bytes> seeds_start() {
  certificate::StartRequest request;
  request.start.nonce = "run 1";
  request.start.job_digest = seed_job_digest();
  request.start.verifier_key = seed_key().public_key();
  request.evidence = evidence();
  std::vector<Bytes> seeds = {bytes_of(certificate::write_request(request))};
  request.needs_grant = false;
  request.start.life = 2;
  request.start.checkpoint = crypto::sha256(as_bytes("checkpoint"));
  seeds.push_back(bytes_of(certificate::write_request(request)));
  return seeds;
}
std::vector<Bytes> seeds_rejection() { return {payload_of(rejection_text())}; }
std::vector<Bytes> seeds_evidence() { return {bytes_of(evidence())}; }

std::vector<protocol::TranscriptLife> seed_lives() {
  return {{seed_key().public_key(), kSeedLife}, {crypto::PublicKey{7}, kSeedLife + 1}};
}

std::vector<Bytes> seeds_transcript() {
  const std::vector<protocol::TranscriptLife> lives = seed_lives();
  protocol::Transcript transcript(seed_job_digest(), lives[0].key, lives[0].life);
  std::string text;
  for (const uint64_t step : {1u, 64u, 1872u}) {
    text += transcript.append(step, crypto::sha256(as_bytes(concat("state ", step))));
  }
  std::string resumed = text + transcript.append_life(lives[1].key, lives[1].life);
  resumed += transcript.append(1900, crypto::sha256(as_bytes("last")));
  return {bytes_of(text), {}, bytes_of(resumed)};
}

std::vector<Bytes> seeds_checkpoint() {
  verifier::Checkpoint checkpoint;
  checkpoint.step = 3;
  checkpoint.taken = 1;
  checkpoint.values = Bytes(16, 1);
  checkpoint.sums = Bytes(16, 2);
  checkpoint.transcript = "{}\n";
  checkpoint.grants = {"one", "two"};
  checkpoint.key_seed.emplace().fill(9);
  std::vector<Bytes> seeds = {test::checkpoint_bytes(checkpoint)};
  checkpoint.key_seed.reset();
  checkpoint.sums.clear();
  checkpoint.taken = 0;
  seeds.push_back(test::checkpoint_bytes(checkpoint));
  return seeds;
}

}  // namespace ginn::fuzz
