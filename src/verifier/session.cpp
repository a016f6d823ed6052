#include "verifier/session.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "attest/evidence_format.h"
#include "attest/report_data.h"
#include "base/caught.h"
#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "certificate/issue/grant.h"
#include "verifier/evidence_file.h"

namespace ginn::verifier {
namespace {

using protocol::FrameType;

Error out_of_order(FrameType found, FrameType expected) {
  return refused("frame_order",
                 concat("a ",
                        protocol::frame_name(expected),
                        " frame was due, a ",
                        protocol::frame_name(found),
                        " frame came"));
}

// A transcript of the longest job that there is must be one that a relying party still reads.
constexpr uint64_t kLongestTranscript =
    (job::kStepsMax / kTranscriptSteps + 1) * protocol::kMaxTranscriptLineBytes;
static_assert(kLongestTranscript <= protocol::kMaxTranscriptBytes);

constexpr std::string_view kFilesOfARun[] = {certificate::kJobFile,
                                             certificate::kTranscriptFile,
                                             certificate::kModelFile,
                                             certificate::kCertificateFile,
                                             certificate::kRejectionFile,
                                             certificate::kRejectionEvidenceFile};

}  // namespace

Status check_out_folder(const std::filesystem::path& out) {
  const std::string name = printable(out.native(), 400);
  std::error_code error;
  if (!std::filesystem::is_directory(out, error)) {
    return input_error("not_a_folder",
                       concat(name, ": no such folder; expected an existing one for the files"));
  }
  for (std::string_view file : kFilesOfARun) {
    const auto found = std::filesystem::symlink_status(out / file, error);
    if (found.type() == std::filesystem::file_type::not_found) continue;
    return input_error("out_exists",
                       concat(name, " has the ", file, " of another run; name another folder"));
  }
  if (::access(out.c_str(), W_OK | X_OK) == 0) return ok_status();
  return environment_error("write_failed",
                           concat(name, ": no files can be made there: ", std::strerror(errno)));
}

Session::Session(Options options, protocol::Connection connection)
    : options_(std::move(options)), connection_(std::move(connection)) {}

Session::~Session() = default;

Result<Outcome> Session::run() {
  const Status status = caught([this] { return run_to_the_end(); });
  if (replays_ != nullptr) replays_->stop();
  if (status.ok()) {
    send_verdict(status);
    return Outcome{true, "accepted", "every check passed", simulated_};
  }
  const Error& error = status.error();
  const bool judged = training_ != nullptr && error.kind != ErrorClass::kEnvironment;
  const Status written = judged ? caught([&] { return write_rejected(error); }) : ok_status();
  // The files come first: a worker that is gone no longer matters.
  send_verdict(status);
  if (!judged) return error;
  GINN_TRY(written);
  return Outcome{false, error.code, error.message, simulated_};
}

Status Session::run_to_the_end() {
  GINN_TRY(handshake());
  GINN_TRY(take_all());
  return finish();
}

void Session::send_verdict(const Status& status) {
  crypto::Json::Object verdict;
  verdict["accepted"] = status.ok();
  verdict["environment"] = !status.ok() && status.error().kind == ErrorClass::kEnvironment;
  verdict["code"] = status.ok() ? "accepted" : status.error().code;
  verdict["message"] = status.ok() ? "every check passed" : status.error().message;
  (void)connection_.send(FrameType::kVerdict, as_bytes(crypto::canonical_json(verdict)));
  connection_.finish_sending();
}

// A worker that is gone is the run's fault, not this machine's.
Status Session::send(FrameType type, ByteView payload) {
  const Status sent = connection_.send(type, payload);
  if (sent.ok()) return sent;
  return refused(
      "worker_disconnected",
      concat("the worker was gone when a ", protocol::frame_name(type), " frame was due"));
}

Status Session::handshake() {
  GINN_ASSIGN(FrameType type, connection_.receive_frame(0, payload_, nullptr));
  if (type != FrameType::kHello) return out_of_order(type, FrameType::kHello);
  ByteReader hello(payload_);
  GINN_ASSIGN(const uint16_t version, hello.u16());
  GINN_ASSIGN(const uint16_t reserved, hello.u16());
  if (version != protocol::kVersion) {
    return refused(
        "protocol_version",
        concat("this verifier speaks version ", protocol::kVersion, ", the worker ", version));
  }
  if (reserved != 0) {
    return refused("frame_reserved", "bytes 2 and 3 of a hello frame must be zero");
  }
  GINN_ASSIGN(type, connection_.receive_frame(0, payload_, nullptr));
  if (type != FrameType::kJob) return out_of_order(type, FrameType::kJob);
  job_text_ = std::string(as_text(payload_));
  GINN_ASSIGN(const job::Job job, job::parse(job_text_));
  job_digest_ = job::digest(job);

  GINN_ASSIGN(crypto::SigningKey key, crypto::SigningKey::generate());
  key_ = std::make_unique<crypto::SigningKey>(std::move(key));
  const auto attester = attest::simulated_attester(options_.measurement);
  simulated_ = attester->kind() == attest::kSimulatedKind;
  GINN_ASSIGN(evidence_,
              attester->evidence(attest::report_data(key_->public_key(), job_digest_, kLife)));
  GINN_ASSIGN(training_, training::Training::create(job, options_.level));
  GINN_ASSIGN(intake_, Intake::create(*training_));
  transcript_ = std::make_unique<protocol::Transcript>(job_digest_, key_->public_key(), kLife);
  GINN_TRY(open_records(job.data));

  crypto::Json::Object start;
  start["nonce"] = job.nonce;
  start["jobDigest"] = crypto::tagged(job_digest_);
  start["verifierKey"] = certificate::key_text(key_->public_key());
  start["life"] = static_cast<double>(kLife);
  start["evidence"] = evidence_;
  GINN_TRY(send(FrameType::kStart, as_bytes(crypto::canonical_json(start))));
  GINN_ASSIGN(type, connection_.receive_frame(intake_->payload_bytes(), payload_, nullptr));
  if (type != FrameType::kGrant) return out_of_order(type, FrameType::kGrant);
  grant_ = std::string(as_text(payload_));
  const certificate::StartStatement asked{
      job.nonce, job_digest_, key_->public_key(), kLife, std::nullopt};
  GINN_TRY(certificate::check_grant_for(grant_, asked));

  replays_ = std::make_unique<ReplayQueue>(*training_, *records_, options_.threads);
  ByteWriter ready;
  ready.u64(intake_->next_step());
  ready.u32(intake_->next_microbatch());
  return send(FrameType::kReady, ready.view());
}

Status Session::open_records(const data::DatasetFacts& facts) {
  auto records = data::FileRecords::create(facts, options_.records);
  if (records.ok()) {
    records_ = std::move(*records);
    return ok_status();
  }
  Error error = records.error();
  const bool unreadable = std::string_view(error.code) == "record_unreadable";
  if (unreadable) error.kind = ErrorClass::kEnvironment;
  return error;
}

Status Session::watch() {
  const protocol::RunStatus status{intake_->taken(), replays_->done(), replays_->queued()};
  (void)connection_.try_send(FrameType::kStatus, protocol::write_status(status));
  if (!replays_->failed()) return ok_status();
  if (const auto deviation = replays_->deviation()) {
    return refused("deviation", sentence(*deviation));
  }
  return *replays_->error();
}

std::string Session::sentence(const Deviation& deviation) const {
  return concat("the contribution of step ",
                deviation.step,
                ", microbatch ",
                deviation.microbatch,
                " is not what its records and weights give");
}

Result<FrameType> Session::receive_next() {
  Result<FrameType> type =
      connection_.receive_frame(intake_->payload_bytes(), payload_, [this] { return watch(); });
  if (type.ok() || std::string_view(type.error().code) != "peer_closed") return type;
  return refused("worker_disconnected",
                 concat("the worker closed the connection after ",
                        intake_->taken(),
                        " of ",
                        training_->job().contributions(),
                        " contributions, without an end frame"));
}

Status Session::take_one() {
  GINN_ASSIGN(const FrameType type, receive_next());
  if (type != FrameType::kContribution) return out_of_order(type, FrameType::kContribution);
  // The coin is drawn only now that the bytes are in private memory.
  GINN_ASSIGN(std::optional<Replay> replay, intake_->take(payload_, options_.coin()));
  if (replay.has_value()) replays_->push(std::move(*replay));
  return note_step();
}

Status Session::note_step() {
  const uint64_t step = intake_->next_step();
  if (intake_->next_microbatch() != 0 || step == 0) return ok_status();
  if (step % kTranscriptSteps == 0 || intake_->complete()) {
    transcript_lines_ += transcript_->append(step, intake_->state().digest());
  }
  return ok_status();
}

Status Session::take_all() {
  constexpr uint64_t kWatchContributions = 64;
  while (!intake_->complete()) {
    if (replays_->failed() || intake_->taken() % kWatchContributions == 0) GINN_TRY(watch());
    GINN_TRY(take_one());
  }
  GINN_ASSIGN(const FrameType type, receive_next());
  if (type != FrameType::kEnd) return refused("data_after_end", "data after the last contribution");
  // Only the end of the stream may follow.
  uint8_t more = 0;
  const Status end = connection_.receive({&more, 1}, [this] { return watch(); });
  if (end.ok()) return refused("data_after_end", "data after the end frame");
  if (std::string_view(end.error().code) != "peer_closed") return end.error();
  return ok_status();
}

Status Session::finish() {
  replays_->drain();
  GINN_TRY(watch());
  ThreadPool pool(options_.threads);
  GINN_ASSIGN(statistics_,
              training_->running_statistics(*records_, intake_->state().weights(), pool));
  return write_accepted();
}

certificate::VerifierIdentity Session::identity() const {
  return {std::string(kVersion), evidence_};
}

Status Session::write_accepted() {
  const job::Job& job = training_->job();
  const Bytes model = training_->model_file(intake_->state().weights(), statistics_);
  certificate::Claim claim{{{std::string(certificate::kModelFile), crypto::sha256(model)}},
                           job_text_,
                           job.format,
                           {job.probability,
                            job.budget,
                            job.verify,
                            job.verify_last,
                            job.lives,
                            job.steps,
                            intake_->sampling()},
                           replays_->done(),
                           transcript_->head(),
                           transcript_->entries(),
                           kLife,
                           identity(),
                           {grant_},
                           job.bn_samples};
  GINN_ASSIGN(const std::string certificate, certificate::issue_certificate(*key_, claim));
  const auto& out = options_.out;
  GINN_TRY(write_file_atomic(out / certificate::kJobFile, as_bytes(job_text_)));
  GINN_TRY(write_file_atomic(out / certificate::kTranscriptFile, as_bytes(transcript_lines_)));
  Status written = write_file_atomic(out / certificate::kModelFile, model);
  if (written.ok()) {
    written = write_file_atomic(out / certificate::kCertificateFile, as_bytes(certificate));
  }
  if (!written.ok()) {  // a full disk, say: no model without its certificate
    std::error_code ignored;
    std::filesystem::remove(out / certificate::kModelFile, ignored);
    std::filesystem::remove(out / certificate::kCertificateFile, ignored);
  }
  return written;
}

Result<crypto::Digest> Session::write_evidence(const Deviation& deviation) {
  GINN_ASSIGN(const Bytes file, evidence_file(*training_, deviation));
  GINN_TRY(write_file_atomic(options_.out / certificate::kRejectionEvidenceFile, file));
  return crypto::sha256(file);
}

Status Session::write_rejected(const Error& error) {
  certificate::RejectionClaim claim;
  claim.job = job_text_;
  claim.code = error.code;
  claim.message = error.message;
  claim.life = kLife;
  claim.verifier = identity();
  if (intake_ != nullptr) {
    claim.step = intake_->next_step();
    claim.microbatch = intake_->next_microbatch();
  }
  const auto deviation = replays_ == nullptr ? std::nullopt : replays_->deviation();
  if (deviation.has_value() && std::string_view(error.code) == "deviation") {
    claim.step = deviation->step;
    claim.microbatch = deviation->microbatch;
    claim.records = training_->record_indices(deviation->step, deviation->microbatch);
    Bytes bytes(training::encoded_size(training_->graph()));
    training::encode(training_->graph(), *deviation->received, bytes);
    claim.received = crypto::sha256(bytes);
    training::encode(training_->graph(), *deviation->expected, bytes);
    claim.expected = crypto::sha256(bytes);
    GINN_ASSIGN(claim.evidence_file, write_evidence(*deviation));
  }
  GINN_ASSIGN(const std::string rejection, certificate::issue_rejection(*key_, claim));
  const auto& out = options_.out;
  GINN_TRY(write_file_atomic(out / certificate::kJobFile, as_bytes(job_text_)));
  GINN_TRY(write_file_atomic(out / certificate::kTranscriptFile, as_bytes(transcript_lines_)));
  return write_file_atomic(out / certificate::kRejectionFile, as_bytes(rejection));
}

}  // namespace ginn::verifier
