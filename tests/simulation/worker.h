#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/simulation/network.h"

namespace ginn::simulation {

enum class Lie {
  kNone,
  kOneInteger,  // within the norm bound
  kNorm,
  kOrder,
  kDuplicate,
  kForm,
  kFrameType,
};
// The code that a verifier must refuse it with.
const char* code_of(Lie lie);

// A worker as a state machine: speaks the protocol, computes what the job's function gives at the
// weights that came of its own contributions, and in some worlds lies at some of them.
class Worker {
 public:
  Worker(const Reference& reference, Chance& chance, const Faults& faults, Events& events);

  void lie(Lie lie, std::set<uint64_t> at);
  Lie lies() const { return lie_; }
  bool lied() const { return lied_; }  // a lie was sent

  void turn(Network& network);
  uint32_t granted() const { return granted_; }  // the last life that it gave leave for
  const std::vector<Payload>& history() const { return history_; }

 private:
  enum class At { kAway, kStart, kReady, kState, kTraining, kVerdict };

  void connect(Network& network);
  void go_away();
  void answer(const Wire::Answer& answer);
  void grant(ByteView start);
  void go_on(uint64_t position);
  void train();
  Sent next();
  Sent false_one(Sent honest);
  Payload computed(uint64_t index);

  const Reference& reference_;
  Chance& chance_;
  const Faults& faults_;
  Events& events_;
  Lie lie_ = Lie::kNone;
  std::set<uint64_t> lie_at_;
  bool lied_ = false;
  At at_ = At::kAway;
  uint64_t away_for_ = 0;
  uint64_t silent_ = 0;
  std::shared_ptr<Wire> wire_;
  uint32_t granted_ = 0;
  uint64_t next_ = 0;
  std::vector<Payload> history_;            // what it believes the verifier took
  std::unique_ptr<training::State> state_;  // at the start of next_'s step, once it has deviated
};

}  // namespace ginn::simulation
