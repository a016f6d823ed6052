#include "verifier/session.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/caught.h"
#include "base/text.h"
#include "base/version.h"
#include "certificate/issue/format.h"

namespace ginn::verifier {
namespace {

using protocol::FrameType;

constexpr const char* kStopRequested = "stop_requested";
constexpr const char* kWorkerGone = "worker_disconnected";

Error out_of_order(FrameType found, FrameType expected) {
  return refused("frame_order",
                 concat("a ",
                        protocol::frame_name(expected),
                        " frame was due, a ",
                        protocol::frame_name(found),
                        " frame came"));
}

// In the order of their being written; the first two may be left over by a run that was killed.
constexpr std::string_view kFilesOfARun[] = {certificate::kJobFile,
                                             certificate::kTranscriptFile,
                                             certificate::kModelFile,
                                             certificate::kCertificateFile,
                                             certificate::kRejectionFile,
                                             certificate::kRejectionEvidenceFile,
                                             kCheckpointFile};

bool is_verdict(std::string_view file) {
  return file == certificate::kCertificateFile || file == certificate::kRejectionFile;
}

// Ends a run without a word against anybody, if it has begun: it can go on.
bool suspends(const Error& error) {
  const std::string_view code = error.code;
  return code == kStopRequested || code == kWorkerGone || protocol::is_line_fault(error);
}

}  // namespace

Status check_out_folder(const std::filesystem::path& out, bool resume) {
  const std::string name = printable(out.native(), 400);
  std::error_code error;
  if (!std::filesystem::is_directory(out, error)) {
    return input_error("not_a_folder",
                       concat(name, ": no such folder; expected an existing one for the files"));
  }
  for (std::string_view file : kFilesOfARun) {
    const auto found = std::filesystem::symlink_status(out / file, error);
    if (found.type() == std::filesystem::file_type::not_found) continue;
    if (resume && !is_verdict(file)) continue;
    return input_error("out_exists",
                       concat(name,
                              " has the ",
                              file,
                              resume ? ": the run is over" : " of another run",
                              "; name another folder"));
  }
  if (::access(out.c_str(), W_OK | X_OK) == 0) return ok_status();
  return environment_error("write_failed",
                           concat(name, ": no files can be made there: ", std::strerror(errno)));
}

Session::Session(Host host, RunOptions options)
    : host_(std::move(host)), options_(options), run_(host_, options_), journal_(host_, run_) {}

Session::~Session() = default;

Result<Outcome> Session::run() {
  const Result<Outcome> outcome = run_and_judge();
  journal_.ended(outcome);
  return outcome;
}

Result<Outcome> Session::run_and_judge() {
  const Status status = caught([this] { return run_to_the_end(); });
  if (!status.ok()) return conclude(status.error());
  send_verdict(nullptr);
  return Outcome{Outcome::Kind::kAccepted, "accepted", "every check passed", run_.simulated()};
}

Result<Outcome> Session::conclude(const Error& error) {
  Result<Outcome> outcome = run_.running() && suspends(error) ? suspend(error) : judge(error);
  run_.stop();
  return outcome;
}

Result<Outcome> Session::suspend(const Error& reason) {
  journal_.enter(Phase::kSuspending);
  const Status sealed = caught([this] { return run_.suspend(); });
  if (!sealed.ok()) return judge(sealed.error());
  const std::string message =
      concat("the run is suspended ", progress(), ": ", reason.message, "; it can be resumed");
  const Error told = environment_error("suspended", message);
  send_verdict(&told);
  return Outcome{Outcome::Kind::kSuspended, reason.code, message, run_.simulated()};
}

Result<Outcome> Session::judge(const Error& error) {
  const bool judged = run_.begun() && error.kind != ErrorClass::kEnvironment;
  run_.stop();
  const Status written = judged ? caught([&] { return run_.reject(error); }) : ok_status();
  // The files come first: a worker that is gone no longer matters.
  send_verdict(&error);
  if (!judged) return error;
  GINN_TRY(written);
  return Outcome{Outcome::Kind::kRejected, error.code, error.message, run_.simulated()};
}

Status Session::run_to_the_end() {
  for (uint32_t connections = 0; connections < kMaxConnections; ++connections) {
    GINN_TRY(await_worker());
    journal_.connected(connections + 1, run_.running());
    const Status served = serve();
    if (served.ok()) {
      journal_.enter(Phase::kFinishing);
      return run_.accept();
    }
    if (!protocol::is_line_fault(served.error())) return served;
    fault_ = served.error();
    journal_.connection_lost(*fault_);
    connection_.reset();
  }
  return gone();
}

std::string Session::progress() const {
  return concat("after ",
                run_.intake().taken(),
                " of ",
                run_.training().job().contributions(),
                " contributions");
}

// With no worker any more, a run that has begun is suspended.
Error Session::gone() const {
  const bool between_frames = std::string_view(fault_->code) == "peer_closed";
  return environment_error(between_frames ? kWorkerGone : fault_->code,
                           concat("no worker came back after ", fault_->message));
}

Status Session::await_worker() {
  journal_.enter(Phase::kWaiting);
  const double since = host_.seconds();
  const auto idle = [&]() -> Status {
    journal_.look();
    if (host_.stop()) return environment_error(kStopRequested, "somebody asked for it");
    if (run_.running()) GINN_TRY(run_.replays_so_far());
    if (!fault_ || host_.seconds() - since < options_.reconnect_seconds) return ok_status();
    return gone();
  };
  GINN_TRY(idle());
  auto stream = host_.acceptor->accept(idle);
  if (!stream.ok()) {
    const bool closed = std::string_view(stream.error().code) == "cannot_listen";
    return closed && fault_ ? gone() : stream.error();
  }
  connection_ = std::make_unique<protocol::Connection>(std::move(*stream));
  return ok_status();
}

Status Session::serve() {
  GINN_TRY(handshake());
  GINN_TRY(take_all());
  return receive_end();
}

// Called while nothing arrives; silence of a worker that computes is no fault, for long.
protocol::Idle Session::watch() {
  return [this, since = host_.seconds()]() -> Status {
    GINN_TRY(look_around());
    if (host_.seconds() - since < options_.silence_seconds) return ok_status();
    return environment_error("peer_silent", "the worker has sent nothing for too long");
  };
}

Status Session::look_around() {
  if (host_.stop()) return environment_error(kStopRequested, "somebody asked for it");
  if (!run_.running()) {
    journal_.look();
    return ok_status();
  }
  const protocol::RunStatus status = run_.status();
  (void)connection_->try_send(FrameType::kStatus, protocol::write_status(status));
  journal_.told(status);
  return run_.replays_so_far();
}

protocol::JobBytes Session::job_bytes() const {
  protocol::JobBytes bytes;
  if (run_.begun()) bytes.contribution = run_.intake().payload_bytes();
  return bytes;
}

Result<FrameType> Session::receive() {
  return connection_->receive_frame(job_bytes(), payload_, watch());
}

void Session::send_verdict(const Error* error) {
  if (connection_ == nullptr) return;
  crypto::Json::Object verdict;
  verdict["accepted"] = error == nullptr;
  verdict["environment"] = error != nullptr && error->kind == ErrorClass::kEnvironment;
  verdict["code"] = error == nullptr ? "accepted" : error->code;
  verdict["message"] = error == nullptr ? "every check passed" : error->message;
  (void)connection_->send(FrameType::kVerdict, as_bytes(crypto::canonical_json(verdict)));
  connection_->finish_sending();
}

Status Session::handshake() {
  GINN_ASSIGN(FrameType type, receive());
  if (type != FrameType::kHello) return out_of_order(type, FrameType::kHello);
  ByteReader hello(payload_);
  GINN_ASSIGN(const uint16_t version, hello.u16());
  GINN_ASSIGN(const uint16_t flags, hello.u16());
  if (version != protocol::kVersion) {
    return refused("protocol_version",
                   version > protocol::kVersion
                       ? newer_version("wire protocol", version, protocol::kVersion)
                       : concat("this verifier speaks version ",
                                protocol::kVersion,
                                " of the wire protocol, the worker ",
                                version,
                                "; use a newer ginn there"));
  }
  if ((flags & ~protocol::kWantsState) != 0) {
    return refused("frame_reserved", "bits 1 to 15 of a hello frame's flags must be zero");
  }
  GINN_ASSIGN(type, receive());
  if (type != FrameType::kJob) return out_of_order(type, FrameType::kJob);
  if (!run_.begun()) {
    GINN_TRY(run_.begin(as_text(payload_)));
  } else if (as_text(payload_) != run_.job_text()) {
    return refused("job_changed", "the worker came back with another job");
  }
  GINN_TRY(offer_grant());
  journal_.enter(Phase::kTraining);
  ByteWriter ready;
  ready.u64(run_.intake().next_step());
  ready.u32(run_.intake().next_microbatch());
  GINN_TRY(connection_->send(FrameType::kReady, ready.view()));
  return send_state(flags);
}

Status Session::offer_grant() {
  const bool needs_grant = run_.needs_grant();
  const std::string request =
      certificate::write_request({run_.start(), needs_grant, run_.evidence()});
  // What was suspended runs from here on: a worker that is gone by now must not cost it its life.
  if (!run_.running() && !needs_grant) {
    GINN_TRY(run_.go_on(""));
    journal_.began();
  }
  GINN_TRY(connection_->send(FrameType::kStart, as_bytes(request)));
  if (run_.running()) return ok_status();
  journal_.enter(Phase::kGranting);
  GINN_ASSIGN(const FrameType type, receive());
  if (type != FrameType::kGrant) return out_of_order(type, FrameType::kGrant);
  GINN_TRY(run_.go_on(std::string(as_text(payload_))));
  journal_.began();
  return ok_status();
}

Status Session::send_state(uint16_t flags) {
  const bool fresh = run_.intake().taken() == 0;
  if ((flags & protocol::kWantsState) == 0 || fresh) return ok_status();
  return connection_->send(FrameType::kState, run_.intake().state().values());
}

Status Session::take_all() {
  constexpr uint64_t kWatchContributions = 64;
  while (!run_.intake().complete()) {
    const bool turn = run_.intake().taken() % kWatchContributions == 0;
    if (turn || host_.stop() || !run_.replays_so_far().ok()) GINN_TRY(look_around());
    GINN_ASSIGN(const FrameType type, receive());
    if (type != FrameType::kContribution) return out_of_order(type, FrameType::kContribution);
    GINN_TRY(run_.take(payload_));
  }
  return ok_status();
}

Status Session::receive_end() {
  GINN_ASSIGN(const FrameType type, receive());
  if (type != FrameType::kEnd) return refused("data_after_end", "data after the last contribution");
  return connection_->receive_end(job_bytes(), watch());  // only the end of the stream may follow
}

}  // namespace ginn::verifier
