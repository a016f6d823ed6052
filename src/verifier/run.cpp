#include "verifier/run.h"

#include <algorithm>

#include "attest/evidence_format.h"
#include "attest/report_data.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "verifier/evidence_file.h"

namespace ginn::verifier {
namespace {

// A transcript of the longest job that there is must be one that a relying party still reads.
constexpr uint64_t kLongestTranscript =
    (job::kStepsMax / protocol::kTranscriptSteps + 1 + kMaxLives) *
    protocol::kMaxTranscriptLineBytes;
static_assert(kLongestTranscript <= protocol::kMaxTranscriptBytes);

// Between two checkpoints, times what one takes: they cost at most a twentieth of a run.
constexpr double kLeastWait = 20;

}  // namespace

Run::~Run() = default;

void Run::stop() {
  if (replays_ != nullptr) replays_->stop();
}

Status Run::begin(std::string_view job_text) {
  GINN_ASSIGN(const job::Job job, job::parse(job_text));
  job_text_ = job_text;
  job_digest_ = job::digest(job);
  life_ = options_.life;
  if (job.weights && !host_.weights) {
    return environment_error("no_weights",
                             concat("the job starts from the weights ",
                                    crypto::tagged(job.weights->sha256),
                                    ", and the verifier was given no such file: start it with "
                                    "--weights FILE"));
  }
  GINN_ASSIGN(auto training, training::Training::create(job, host_.level, host_.weights));
  if (options_.resume) GINN_TRY(find_checkpoint(training->graph().parameter_count()));
  if (life_ > job.lives) {
    return environment_error("life_spent",
                             concat("life ", life_, " is asked for; the job allows ", job.lives));
  }
  GINN_TRY(make_key());
  GINN_ASSIGN(intake_, Intake::create(*training));
  training_ = std::move(training);
  GINN_ASSIGN(records_, host_.records(job.data));
  return ok_status();
}

// The start is recorded before anything is unsealed: by the counter for a suspended run, by the
// owner's log for a later life. That there is nothing to go on from is no word against the worker.
Status Run::find_checkpoint(size_t parameters) {
  auto bytes = host_.folder->read(kCheckpointFile, max_checkpoint_bytes(parameters));
  if (!bytes.ok()) {
    return environment_error("no_checkpoint",
                             concat("no checkpoint to go on from: ", bytes.error().message));
  }
  auto file = parse_checkpoint(std::move(*bytes));
  if (!file.ok()) return environment_error(file.error().code, file.error().message);
  file_ = std::move(*file);
  const CheckpointHead& head = file_->head;
  if (head.job_digest != job_digest_) {
    return environment_error("checkpoint_job",
                             concat(kCheckpointFile,
                                    " is of the job ",
                                    crypto::tagged(head.job_digest),
                                    "; the worker's is ",
                                    crypto::tagged(job_digest_)));
  }
  GINN_ASSIGN(const uint64_t counter, host_.attester->counter());
  if (head.suspended && head.counter == counter) {
    GINN_TRY(host_.attester->advance_counter());
    life_ = head.life;
    same_life_ = true;
    return unseal();
  }
  if (life_ > head.life) return ok_status();
  return environment_error("life_spent",
                           concat(kCheckpointFile,
                                  " is of life ",
                                  head.life,
                                  " and life ",
                                  life_,
                                  " is asked for; expected a later one"));
}

// A checkpoint that was harmed is a fault of this machine's disk: no word against the worker.
Status Run::unseal() {
  auto saved = unseal_checkpoint(*host_.attester, *file_);
  if (!saved.ok()) return environment_error(saved.error().code, saved.error().message);
  saved_ = std::move(*saved);
  return ok_status();
}

Status Run::make_key() {
  auto key = same_life_ ? crypto::SigningKey::from_seed(*saved_->key_seed)
                        : crypto::SigningKey::generate();
  if (!key.ok()) return key.error();
  key_ = std::make_unique<crypto::SigningKey>(std::move(*key));
  simulated_ = host_.attester->kind() == attest::kSimulatedKind;
  GINN_ASSIGN(
      evidence_,
      host_.attester->evidence(attest::report_data(key_->public_key(), job_digest_, life_)));
  return ok_status();
}

certificate::StartStatement Run::start() const {
  certificate::StartStatement start{
      training_->job().nonce, job_digest_, key_->public_key(), life_, std::nullopt};
  if (file_ && !same_life_) start.checkpoint = file_->digest;
  return start;
}

Status Run::go_on(std::string grant) {
  const bool granted = needs_grant();
  if (granted) GINN_TRY(certificate::check_grant_for(grant, start()));
  if (file_) {
    if (!same_life_) GINN_TRY(unseal());
    GINN_TRY(restore());
  } else {
    transcript_ = std::make_unique<protocol::Transcript>(job_digest_, key_->public_key(), life_);
  }
  if (granted) grants_.push_back(std::move(grant));
  replays_ = host_.replays(*training_, *records_);
  checkpointed_at_ = host_.seconds();
  return ok_status();
}

Status Run::restore() {
  const Status fits = intake_->restore(saved_->step, saved_->taken, saved_->values, saved_->sums);
  if (!fits.ok()) return environment_error(fits.error().code, fits.error().message);
  replayed_before_ = saved_->replayed;
  transcript_ = std::make_unique<protocol::Transcript>(protocol::Transcript::from(
      saved_->transcript_head, saved_->transcript_entries, saved_->transcript_step));
  transcript_lines_ = std::move(saved_->transcript);
  grants_ = std::move(saved_->grants);
  if (!same_life_) transcript_lines_ += transcript_->append_life(key_->public_key(), life_);
  saved_.reset();
  file_.reset();
  return ok_status();
}

Status Run::take(ByteView payload) {
  // The coin is drawn only now that the bytes are in private memory.
  GINN_ASSIGN(std::optional<Replay> replay, intake_->take(payload, host_.coin()));
  if (replay.has_value()) replays_->push(std::move(*replay));
  GINN_TRY(note_step());
  return keep_checkpoint();
}

Status Run::note_step() {
  const uint64_t step = intake_->next_step();
  if (intake_->next_microbatch() != 0 || step == 0) return ok_status();
  if (step % protocol::kTranscriptSteps == 0 || intake_->complete()) {
    transcript_lines_ += transcript_->append(step, intake_->state().digest());
  }
  return ok_status();
}

Status Run::replays_so_far() const {
  if (!replays_->failed()) return ok_status();
  if (const auto deviation = replays_->deviation()) {
    return refused("deviation", sentence(*deviation));
  }
  return *replays_->error();
}

std::string Run::sentence(const Deviation& deviation) const {
  return concat("the contribution of step ",
                deviation.step,
                ", microbatch ",
                deviation.microbatch,
                " is not what its records and weights give");
}

protocol::RunStatus Run::status() const {
  return {intake_->taken(), replayed(), replays_->queued()};
}

Checkpoint Run::checkpoint() const {
  const training::State& state = intake_->state();
  Checkpoint out;
  out.step = state.step();
  out.taken = state.taken();
  const ByteView values = state.values();
  out.values.assign(values.begin(), values.end());
  out.sums = state.sums(training_->maps());
  out.replayed = replayed_before_ + replays_->pushed();
  out.transcript_head = transcript_->head();
  out.transcript_entries = transcript_->entries();
  out.transcript_step = transcript_->last_step();
  out.transcript = transcript_lines_;
  out.grants = grants_;
  return out;
}

Status Run::write_checkpoint(const Checkpoint& checkpoint, bool suspended) {
  CheckpointHead head{life_, suspended, 0, job_digest_};
  GINN_ASSIGN(head.counter, host_.attester->counter());
  GINN_ASSIGN(const Bytes file, seal_checkpoint(*host_.attester, head, checkpoint));
  return host_.folder->write(kCheckpointFile, file);
}

// Taken between two steps, sealed once every replay before it is done. A checkpoint that cannot be
// written, on a full disk say, costs no run: the one before it stands.
Status Run::keep_checkpoint() {
  if (training_->job().lives == life_) return ok_status();  // no later life could use it
  if (pending_ && replays_->settled(pending_index_)) {
    const double begin = host_.seconds();
    note_checkpoint(write_checkpoint(*pending_, false));
    pending_.reset();
    checkpoint_cost_ += host_.seconds() - begin;
  }
  const double wait = std::max(options_.checkpoint_seconds, kLeastWait * checkpoint_cost_);
  const bool due = host_.seconds() - checkpointed_at_ >= wait;
  if (pending_ || !due || intake_->next_microbatch() != 0 || intake_->complete()) {
    return ok_status();
  }
  const double begin = host_.seconds();
  pending_ = checkpoint();
  pending_index_ = intake_->taken();
  checkpointed_at_ = host_.seconds();
  checkpoint_cost_ = checkpointed_at_ - begin;
  return ok_status();
}

// The host sees when the file is written; the line says no more.
void Run::note_checkpoint(const Status& written) const {
  if (written.ok()) {
    host_.log.write(LogLevel::kInfo, "checkpoint_written", {{"step", pending_->step}});
  } else {
    host_.log.write(LogLevel::kWarning,
                    "checkpoint_not_written",
                    {{"code", written.error().code}, {"message", written.error().message}});
  }
}

Status Run::suspend() {
  replays_->drain();
  GINN_TRY(replays_so_far());
  pending_.reset();
  Checkpoint now = checkpoint();
  now.key_seed = key_->seed();
  return write_checkpoint(now, true);
}

Status Run::accept() {
  replays_->drain();
  GINN_TRY(replays_so_far());
  ThreadPool pool(std::max<size_t>(host_.threads, 1));
  const float* weights = intake_->state().weights();
  GINN_ASSIGN(statistics_, training_->running_statistics(*records_, weights, pool));
  const Bytes model = training_->model_file(weights, statistics_);
  GINN_ASSIGN(const std::string signed_text, certificate(model));
  Folder& folder = *host_.folder;
  GINN_TRY(folder.write(certificate::kJobFile, as_bytes(job_text_)));
  GINN_TRY(folder.write(certificate::kTranscriptFile, as_bytes(transcript_lines_)));
  Status written = folder.write(certificate::kModelFile, model);
  if (written.ok()) written = folder.write(certificate::kCertificateFile, as_bytes(signed_text));
  if (!written.ok()) {  // a full disk, say: no model without its certificate
    (void)folder.remove(certificate::kCertificateFile);
    (void)folder.remove(certificate::kModelFile);
    return written;
  }
  (void)folder.remove(kCheckpointFile);  // the run is over; what is left of it is of no use
  return ok_status();
}

Result<std::string> Run::certificate(const Bytes& model) const {
  const job::Job& job = training_->job();
  const certificate::Claim claim{{{std::string(certificate::kModelFile), crypto::sha256(model)}},
                                 job_text_,
                                 job.format,
                                 {job.probability,
                                  job.budget,
                                  job.verify,
                                  job.verify_last,
                                  job.lives,
                                  job.steps,
                                  intake_->sampling(),
                                  job.unlimited_attempts},
                                 replayed(),
                                 transcript_->head(),
                                 transcript_->entries(),
                                 life_,
                                 identity(),
                                 grants_,
                                 job.bn_samples};
  return certificate::issue_certificate(*key_, claim);
}

Status Run::add_deviation(const Deviation& deviation, certificate::RejectionClaim& claim) {
  claim.step = deviation.step;
  claim.microbatch = deviation.microbatch;
  claim.records = training_->record_indices(deviation.step, deviation.microbatch);
  Bytes bytes(training::encoded_size(training_->graph()));
  training::encode(training_->graph(), *deviation.received, bytes);
  claim.received = crypto::sha256(bytes);
  training::encode(training_->graph(), *deviation.expected, bytes);
  claim.expected = crypto::sha256(bytes);
  GINN_ASSIGN(const Bytes file, evidence_file(*training_, *records_, deviation));
  GINN_TRY(host_.folder->write(certificate::kRejectionEvidenceFile, file));
  claim.evidence_file = crypto::sha256(file);
  return ok_status();
}

Status Run::reject(const Error& error) {
  certificate::RejectionClaim claim;
  claim.job = job_text_;
  claim.code = error.code;
  claim.message = error.message;
  claim.life = life_;
  claim.verifier = identity();
  claim.step = intake_->next_step();
  claim.microbatch = intake_->next_microbatch();
  const auto deviation = running() ? replays_->deviation() : std::nullopt;
  if (deviation.has_value() && std::string_view(error.code) == "deviation") {
    GINN_TRY(add_deviation(*deviation, claim));
  }
  GINN_ASSIGN(const std::string rejection, certificate::issue_rejection(*key_, claim));
  Folder& folder = *host_.folder;
  GINN_TRY(folder.write(certificate::kJobFile, as_bytes(job_text_)));
  GINN_TRY(folder.write(certificate::kTranscriptFile, as_bytes(transcript_lines_)));
  GINN_TRY(folder.write(certificate::kRejectionFile, as_bytes(rejection)));
  (void)folder.remove(kCheckpointFile);
  return ok_status();
}

}  // namespace ginn::verifier
