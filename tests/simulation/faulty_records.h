#pragma once

#include "data/dataset.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/events.h"

namespace ginn::simulation {

// Only reads of replays go through it: the worker has its own records.
class FaultyRecords final : public data::RecordSource {
 public:
  FaultyRecords(const data::RecordSource& records,
                Chance& chance,
                const Faults& faults,
                Events& events)
      : records_(records), chance_(chance), faults_(faults), events_(events) {}
  const data::DatasetFacts& facts() const override { return records_.facts(); }
  Status read(uint64_t index, std::span<uint8_t> out) const override {
    if (chance_.once_in(faults_.unreadable)) {
      events_.note(Event::kRecordUnreadable, index);
      return environment_error("record_unreadable", "the simulated disk: EIO");
    }
    if (chance_.once_in(faults_.mismatch)) {
      events_.note(Event::kRecordMismatch, index);
      return environment_error("record_mismatch",
                               "a bit of a record on the simulated disk flipped");
    }
    return records_.read(index, out);
  }

 private:
  const data::RecordSource& records_;
  Chance& chance_;
  const Faults& faults_;
  Events& events_;
};

}  // namespace ginn::simulation
