#include "tests/simulation/disk.h"

#include "base/text.h"
#include "verifier/checkpoint.h"

namespace ginn::simulation {

Result<Bytes> Disk::read(std::string_view name, uint64_t limit) const {
  const auto found = now_.find(name);
  if (found == now_.end()) return input_error("not_found", concat(name, ": no such file"));
  if (found->second.size() > limit) return input_error("file_too_large", std::string(name));
  return found->second;
}

Status Disk::write(std::string_view name, ByteView bytes) {
  const std::string key(name);
  if (chance_.once_in(faults_.disk_full)) {
    events_.note(Event::kDiskFull, bytes.size(), key);
    return environment_error("write_failed", concat(name, ": the simulated disk is full"));
  }
  if (chance_.once_in(faults_.crash_in_write)) {
    events_.note(Event::kCrashInWrite, bytes.size(), key);
    const uint64_t left = chance_.below(3);
    if (left > 0) {
      torn_.erase(key);
      Bytes& file = durable_[key];
      file.assign(bytes.begin(), bytes.end());
      if (left == 2) {
        file.resize(chance_.below(bytes.size()));
        torn_.insert(key);
        events_.note(Event::kTornWrite, file.size(), key);
      }
    }
    throw Crash{};
  }
  if (name == verifier::kCheckpointFile) events_.note(Event::kCheckpoint, bytes.size());
  now_[key].assign(bytes.begin(), bytes.end());
  torn_.erase(key);
  if (chance_.once_in(faults_.lost_write)) {
    events_.note(Event::kLostWrite, bytes.size(), key);
  } else {
    durable_[key] = now_[key];
  }
  return ok_status();
}

Status Disk::remove(std::string_view name) {
  if (chance_.once_in(faults_.crash_in_write)) {
    events_.note(Event::kCrashInWrite, 0, concat("removing ", name));
    if (chance_.once_in(2)) durable_.erase(std::string(name));
    throw Crash{};
  }
  drop(name);
  return ok_status();
}

Result<Bytes> Disk::load_counter() const {
  if (counter_.empty()) return input_error("not_found", "no counter yet");
  return counter_;
}

Status Disk::store_counter(ByteView bytes) {
  const uint64_t fault = chance_.once_in(faults_.counter) ? 1 + chance_.below(3) : 0;
  if (fault > 0) events_.note(Event::kCounterFailed, fault);
  if (fault == 1) return environment_error("write_failed", "the simulated counter fails");
  if (fault == 2) throw Crash{};
  counter_.assign(bytes.begin(), bytes.end());
  if (fault == 3) throw Crash{};
  return ok_status();
}

const Bytes* Disk::find(std::string_view name) const {
  const auto found = now_.find(name);
  return found == now_.end() || torn(name) ? nullptr : &found->second;
}

void Disk::clear() {
  now_.clear();
  durable_.clear();
  torn_.clear();
}

void Disk::drop(std::string_view name) {
  const std::string key(name);
  now_.erase(key);
  durable_.erase(key);
  torn_.erase(key);
}

}  // namespace ginn::simulation
