#include "verifier/journal.h"

#include <algorithm>

#include "base/caught.h"
#include "base/text.h"
#include "verifier/session.h"

namespace ginn::verifier {
namespace {

constexpr std::string_view kPhases[] = {"waiting",
                                        "granting",
                                        "training",
                                        "finishing",
                                        "suspending",
                                        "suspended",
                                        "accepted",
                                        "rejected",
                                        "failed"};
constexpr size_t kMessageBytes = 1000;

Phase phase_of(const Result<Outcome>& outcome) {
  if (!outcome.ok()) return Phase::kFailed;
  switch (outcome->kind) {
    case Outcome::Kind::kAccepted:
      return Phase::kAccepted;
    case Outcome::Kind::kRejected:
      return Phase::kRejected;
    case Outcome::Kind::kSuspended:
      return Phase::kSuspended;
  }
  return Phase::kFailed;
}

LogLevel level_of(Phase phase) {
  const bool good = phase == Phase::kAccepted || phase == Phase::kSuspended;
  return good ? LogLevel::kInfo : LogLevel::kError;
}

}  // namespace

std::string_view phase_name(Phase phase) { return kPhases[static_cast<size_t>(phase)]; }

void Journal::enter(Phase phase) {
  phase_ = phase;
  publish();
}

void Journal::connected(uint32_t connections, bool again) {
  connections_ = connections;
  host_.log.write(
      LogLevel::kInfo, "worker_connected", {{"connections", connections}, {"again", again}});
}

void Journal::connection_lost(const Error& error) {
  code_ = error.code;
  message_ = printable(error.message, kMessageBytes);
  host_.log.write(LogLevel::kWarning, "connection_lost", {{"code", code_}, {"message", message_}});
  enter(Phase::kWaiting);
}

void Journal::began() {
  began_ = host_.unix_seconds();
  began_with_ = run_.intake().taken();
  told_.taken = began_with_;
  told_.replays_done = run_.status().replays_done;  // of earlier lives: none is under way yet
  host_.log.write(LogLevel::kInfo,
                  "run_began",
                  {{"job", crypto::tagged(run_.job_digest())},
                   {"life", run_.life()},
                   {"lives", run_.training().job().lives},
                   {"taken", began_with_},
                   {"contributions", run_.training().job().contributions()},
                   {"simulated", run_.simulated()}});
}

void Journal::told(const protocol::RunStatus& status) {
  told_ = status;
  look();
}

void Journal::look() {
  if (!published_ || host_.seconds() - *published_ >= kStatusSeconds) publish();
}

void Journal::ended(const Result<Outcome>& outcome) {
  phase_ = phase_of(outcome);
  code_ = outcome.ok() ? outcome->code : outcome.error().code;
  message_ = printable(outcome.ok() ? outcome->message : outcome.error().message, kMessageBytes);
  // The verdict is out: the counts are no secret any more, and the certificate has them.
  if (run_.running()) told_ = run_.status();
  host_.log.write(level_of(phase_),
                  "run_ended",
                  {{"verdict", phase_name(phase_)},
                   {"code", code_},
                   {"message", message_},
                   {"taken", told_.taken},
                   {"replays", told_.replays_done}});
  publish();
}

std::string Journal::status() const {
  using crypto::Json;
  Json::Object out;
  out["ginn"] = crypto::format_text("status", kStatusVersion);
  out["version"] = kVersion;
  out["phase"] = phase_name(phase_);
  out["updated"] = host_.unix_seconds();
  out["began"] = began_;
  out["beganWith"] = Json::integer(began_with_);
  out["connections"] = static_cast<double>(connections_);
  out["taken"] = Json::integer(told_.taken);
  out["replaysDone"] = Json::integer(told_.replays_done);
  out["replaysQueued"] = Json::integer(told_.replays_queued);
  out["code"] = code_;
  out["message"] = message_;
  const bool known = run_.begun();
  out["job"] = known ? crypto::tagged(run_.job_digest()) : std::string();
  out["steps"] = Json::integer(known ? run_.training().job().steps : 0);
  out["contributions"] = Json::integer(known ? run_.training().job().contributions() : 0);
  out["life"] = static_cast<double>(known ? run_.life() : 0);
  out["lives"] = static_cast<double>(known ? run_.training().job().lives : 0);
  out["simulated"] = run_.simulated();
  return crypto::pretty_json(std::move(out));
}

// Whatever goes wrong here costs a file for people, never the run.
void Journal::publish() {
  if (!host_.publish) return;
  published_ = host_.seconds();
  const Status written = caught([this] { return host_.publish(status()); });
  if (written.ok() || std::exchange(warned_, true)) return;
  host_.log.write(LogLevel::kWarning,
                  "status_not_written",
                  {{"code", written.error().code}, {"message", written.error().message}});
}

}  // namespace ginn::verifier
