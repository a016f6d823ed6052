#include "tests/simulation/world.h"

#include <algorithm>

#include "base/text.h"
#include "certificate/issue/format.h"
#include "tests/simulation/faulty_records.h"
#include "verifier/replay.h"

namespace ginn::simulation {
namespace {

constexpr uint64_t kMaxSessions = 100;

class World {
 public:
  World(uint64_t seed, const Settings& settings)
      : chance_(seed),
        settings_(settings),
        reference_(reference(settings.kind ? *settings.kind : some_kind())),
        disk_(chance_, faults_, events_),
        network_(chance_,
                 {[this] { turn(); },
                  [this](const std::shared_ptr<Wire>& wire) { connected(wire); },
                  [this](protocol::FrameType type, ByteView payload) {
                    judge_.answered(type, payload);
                  }}),
        worker_(reference_, chance_, faults_, events_),
        judge_(reference_, settings.wrong_model ? Bytes(8) : reference_.model, events_),
        attester_(attest::simulated_attester(
            crypto::sha256(as_bytes("simulated verifier")),
            {[this] { return disk_.load_counter(); },
             [this](ByteView value) { return disk_.store_counter(value); }})) {
    choose_faults();
    choose_lie();
  }

  Ended run() {
    Ended ended;
    try {
      ended.end = to_the_end();
    } catch (const Violation& violation) {
      ended.violation = violation.what;
    }
    ended.lied = worker_.lied();
    ended.events = std::move(events_);
    return ended;
  }

 private:
  Kind some_kind() {
    if (chance_.once_in(64)) return Kind::kLong;
    return static_cast<Kind>(chance_.below(static_cast<uint64_t>(Kind::kLong)));
  }

  // In `in` of four worlds a fault may come, once in `least` to 8 `least` chances.
  uint32_t rate(uint32_t in, uint32_t least) {
    const uint32_t once = least << chance_.below(4);
    return chance_.below(4) < in ? once : 0;
  }

  void choose_faults() {
    calm_after_ = 100 + chance_.below(1000);
    // Slow enough, in some worlds, for a long run to fill the queue.
    pace_ = chance_.once_in(8) ? 200 : 1 + chance_.below(6);
    if (!settings_.faults) return;
    faults_.cut = rate(1, 8);
    faults_.half_open = rate(1, 16);
    faults_.flip = rate(1, 8);
    faults_.lose = rate(1, 8);
    faults_.duplicate = rate(1, 8);
    faults_.reorder = rate(1, 8);
    faults_.answer = rate(1, 8);
    faults_.stop = rate(1, 32);
    faults_.worker_crash = rate(1, 32);
    if (!settings_.machine_faults) return;
    faults_.disk_full = rate(1, 2);
    faults_.crash_in_write = rate(1, 4);
    faults_.lost_write = rate(1, 2);
    faults_.counter = rate(1, 2);
    faults_.unreadable = rate(1, 32);
    faults_.mismatch = rate(1, 64);
    faults_.crash = rate(1, 32);
  }

  void choose_lie() {
    constexpr Lie kLies[] = {Lie::kOneInteger,
                             Lie::kOneInteger,
                             Lie::kOneInteger,
                             Lie::kNorm,
                             Lie::kOrder,
                             Lie::kDuplicate,
                             Lie::kForm,
                             Lie::kFrameType};
    Lie lie = chance_.once_in(3) ? kLies[chance_.below(std::size(kLies))] : Lie::kNone;
    if (settings_.lie) lie = *settings_.lie;
    std::set<uint64_t> at;
    for (uint64_t i = 1 + chance_.below(3); i > 0; --i)
      at.insert(chance_.below(reference_.count()));
    worker_.lie(lie, std::move(at));
  }

  bool calm() const { return events_.turn >= calm_after_; }

  void turn() {
    ++events_.turn;
    seconds_ += static_cast<double>(chance_.below(1000)) / 500;
    if (calm()) faults_ = {};
    if (events_.turn > calm_after_ + 3000 + 300 * reference_.count()) {
      throw Violation{"the run does not end"};
    }
    if (chance_.once_in(faults_.crash)) {
      events_.note(Event::kCrash);
      throw Crash{};
    }
    if (!stop_ && chance_.once_in(faults_.stop)) {
      events_.note(Event::kStopRequest);
      stop_ = true;
    }
    if (wire_ != nullptr) wire_->turn();
    if (!chance_.once_in(3)) worker_.turn(network_);
    if (queue_ != nullptr) turn_queue();
  }

  void turn_queue() {
    const size_t limit = verifier::ReplayQueue::limit(reference_.training->graph());
    const uint64_t queued = queue_->queued();
    if (queued > limit) throw Violation{"the queue of replays is above its limit"};
    if (queued == limit) events_.note(Event::kQueueFull, queued);
    if (chance_.once_in(pace_) && queue_->run_one()) events_.note(Event::kReplayed, queued);
  }

  void connected(const std::shared_ptr<Wire>& wire) {
    events_.note(Event::kConnected);
    judge_.connected(*wire);
    wire_ = wire;
  }

  verifier::Host host() {
    verifier::Host host;
    host.acceptor = &network_;
    host.folder = &disk_;
    host.attester = attester_.get();
    host.coin = [this] {
      const uint64_t coin = settings_.never_pick ? ~uint64_t{0} : chance_.next();
      judge_.coin(coin);
      if (chance_.once_in(2)) turn();
      return coin;
    };
    host.seconds = [this] { return seconds_; };
    host.stop = [this] { return stop_; };
    host.records =
        [this](const data::DatasetFacts&) -> Result<std::unique_ptr<data::RecordSource>> {
      return std::unique_ptr<data::RecordSource>(
          std::make_unique<FaultyRecords>(*reference_.records, chance_, faults_, events_));
    };
    host.replays = [this](const training::Training& training, const data::RecordSource& records) {
      auto queue =
          std::make_unique<verifier::ReplayQueue>(training, records, 0, [this] { turn(); });
      queue_ = queue.get();
      return queue;
    };
    host.level = reference_.training->level();
    return host;
  }

  verifier::RunOptions options() {
    verifier::RunOptions options;
    options.resume = disk_.has(verifier::kCheckpointFile);
    options.life = std::min<uint32_t>(worker_.granted() + 1, verifier::kMaxLives);
    constexpr double kBetween[] = {0, 5, 60};
    options.checkpoint_seconds = kBetween[chance_.below(3)];
    options.reconnect_seconds = 30 + static_cast<double>(chance_.below(100));
    options.silence_seconds = 30 + static_cast<double>(chance_.below(100));
    return options;
  }

  // One process of the verifier; nothing when it crashed.
  std::optional<Result<verifier::Outcome>> session(const verifier::RunOptions& options) {
    stop_ = false;
    judge_.session_begins();
    events_.note(options.resume ? Event::kResume : Event::kSession, options.life);
    std::optional<Result<verifier::Outcome>> outcome;
    try {
      outcome = verifier::Session(host(), options).run();
      disk_.shut_down();
    } catch (const Crash&) {
      disk_.crash();
    }
    queue_ = nullptr;
    wire_ = nullptr;
    judge_.disconnected();
    network_.reset();
    return outcome;
  }

  End to_the_end() {
    for (uint64_t sessions = 0; sessions < kMaxSessions; ++sessions) {
      const verifier::RunOptions with = options();
      if (!with.resume) {
        if (with.life > reference_.job.lives) return out_of_lives();
        disk_.clear();
      }
      const bool in_calm = calm();
      const auto outcome = session(with);
      if (outcome && !outcome->ok() && !with.resume) ++stopped_early_;
      if (const auto end = outcome ? ended(*outcome, in_calm) : after_crash()) return *end;
    }
    throw Violation{"too many sessions"};
  }

  End out_of_lives() {
    events_.note(Event::kOutOfLives);
    uint64_t failures = stopped_early_;
    for (const Event event : {Event::kCrash,
                              Event::kCrashInWrite,
                              Event::kLostWrite,
                              Event::kDiskFull,
                              Event::kCounterFailed,
                              Event::kRecordUnreadable,
                              Event::kRecordMismatch}) {
      failures += events_.count(event);
    }
    if (failures == 0) throw Violation{"a life was lost, and no machine had failed"};
    return End::kOutOfLives;
  }

  // What a crash left: perhaps a run that was over.
  std::optional<End> after_crash() {
    if (disk_.find(certificate::kCertificateFile) != nullptr) return accepted(false);
    if (disk_.find(certificate::kRejectionFile) != nullptr) return End::kRejected;
    for (const std::string_view file :
         {certificate::kCertificateFile, certificate::kRejectionFile}) {
      disk_.drop(file);  // a part of one
    }
    return std::nullopt;
  }

  End accepted(bool whole) {
    events_.note(Event::kAccepted);
    judge_.accepted(disk_, whole);
    if (whole && settings_.relying_party) check_as_relying_party(reference_, disk_);
    return End::kAccepted;
  }

  std::string_view lie() const { return worker_.lied() ? code_of(worker_.lies()) : ""; }

  std::optional<End> ended(const Result<verifier::Outcome>& outcome, bool in_calm) {
    if (!outcome.ok()) return failed(outcome.error(), in_calm);
    switch (outcome->kind) {
      case verifier::Outcome::Kind::kAccepted:
        return accepted(true);
      case verifier::Outcome::Kind::kRejected:
        events_.note(Event::kRejected, 0, outcome->code);
        judge_.rejected(disk_, outcome->code, lie());
        return End::kRejected;
      case verifier::Outcome::Kind::kSuspended:
        events_.note(Event::kSuspended, 0, outcome->code);
        if (in_calm && !worker_.lied()) throw Violation{"suspended without a reason"};
        return std::nullopt;
    }
    return std::nullopt;
  }

  std::optional<End> failed(const Error& error, bool in_calm) {
    events_.note(Event::kFailed, 0, concat(error.code, ": ", error.message));
    const std::string_view code = error.code;
    if (disk_.find(certificate::kRejectionFile) != nullptr) {
      throw Violation{concat("an error that is no verdict left a rejection: ", code)};
    }
    if (code == "life_spent") return out_of_lives();
    if (code == "checkpoint_form" || code == "seal_broken" || code == "no_checkpoint") {
      if (!disk_.torn(verifier::kCheckpointFile)) {
        throw Violation{concat("a whole checkpoint cannot be used: ", error.message)};
      }
      disk_.clear();
      return std::nullopt;
    }
    if (error.kind != ErrorClass::kEnvironment && lie() != code) {
      throw Violation{concat("an error that accuses: ", code, ": ", error.message)};
    }
    if (in_calm) throw Violation{concat("an error without a fault: ", code, ": ", error.message)};
    return std::nullopt;
  }

  Chance chance_;
  const Settings settings_;
  Faults faults_;
  Events events_;
  const Reference& reference_;
  Disk disk_;
  Network network_;
  Worker worker_;
  Judge judge_;
  std::unique_ptr<attest::Attester> attester_;
  double seconds_ = 0;
  bool stop_ = false;
  uint64_t stopped_early_ = 0;  // with the owner's leave, before the run began
  uint64_t calm_after_ = 0, pace_ = 1;
  std::shared_ptr<Wire> wire_;  // that the verifier has
  verifier::ReplayQueue* queue_ = nullptr;
};

}  // namespace

Ended simulate(uint64_t seed, const Settings& settings) { return World(seed, settings).run(); }

std::string trace_text(const Ended& ended) {
  std::string out;
  for (const Happened& one : ended.events.trace()) {
    out += concat(one.turn, " ", event_name(one.event), " ", one.detail, " ", one.text, "\n");
  }
  return out;
}

}  // namespace ginn::simulation
