#pragma once

#include <string_view>
#include <vector>

#include "tests/simulation/disk.h"
#include "tests/simulation/network.h"

namespace ginn::simulation {

// Watches a run from outside of both sides, keeps what was taken, and knows what must hold. Throws
// Violation.
class Judge {
 public:
  // `model`: the honest run's, or a wrong one to see the judge fail.
  Judge(const Reference& reference, Bytes model, Events& events)
      : reference_(reference), model_(std::move(model)), events_(events) {}

  void session_begins() { ready_ = must_refuse_ = false; }
  void connected(const Wire& wire) {
    wire_ = &wire;
    coins_ = 0;
  }
  void disconnected() { wire_ = nullptr; }
  void answered(protocol::FrameType type, ByteView payload);
  // The verifier has a whole contribution, and draws the coin for it.
  void coin(uint64_t coin);

  // A run that ended with a certificate; `whole`: no file of it can have been lost.
  void accepted(const Disk& disk, bool whole) const;
  // `code` and the rejection's must be those of the lie; "" for an honest worker.
  void rejected(const Disk& disk, std::string_view code, std::string_view lie) const;

 private:
  struct Taken {
    Payload payload;
    bool deviates = false;
    bool picked = false;
  };
  bool honest() const;
  Bytes expected_model(crypto::Digest& state) const;
  void check_statement(const Disk& disk,
                       ByteView certificate,
                       const Bytes& model,
                       const crypto::Digest& state,
                       bool whole) const;

  const Reference& reference_;
  const Bytes model_;
  Events& events_;
  const Wire* wire_ = nullptr;
  size_t coins_ = 0;
  bool ready_ = false;  // of this session
  bool must_refuse_ = false;
  std::vector<Taken> history_;
};

// Over a real folder, what a relying party does.
void check_as_relying_party(const Reference& reference, const Disk& disk);

}  // namespace ginn::simulation
