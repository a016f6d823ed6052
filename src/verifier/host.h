#pragma once

#include <functional>
#include <memory>

#include "attest/produce/attester.h"
#include "base/folder.h"
#include "base/log.h"
#include "data/dataset.h"
#include "device/level.h"
#include "protocol/stream.h"
#include "training/training.h"

namespace ginn::verifier {

class ReplayQueue;

// The machine that a run of the trusted side is on: everything that comes from outside of it. Real
// in ginn-verifier, simulated in tests. What it gives is checked (records, checkpoints, frames) or
// at worst ends the run (clock, stop); only `attester` and `coin` are trusted.
struct Host {
  protocol::Acceptor* acceptor = nullptr;  // of workers
  Folder* folder = nullptr;                // of the run's files
  attest::Attester* attester = nullptr;
  std::function<uint64_t()> coin;   // 64 fresh random bits
  std::function<double()> seconds;  // a clock that does not go back
  // Since 1970, UTC, for people: nothing depends on it.
  std::function<double()> unix_seconds = [] { return 0.0; };
  std::function<bool()> stop;  // whether somebody asks for the run to be suspended
  std::function<Result<std::unique_ptr<data::RecordSource>>(const data::DatasetFacts&)> records;
  // The file of weights that a job starts from; may be left out.
  training::WeightsReader weights;
  std::function<std::unique_ptr<ReplayQueue>(const training::Training&, const data::RecordSource&)>
      replays;
  size_t threads = 1;  // for the statistics at the end
  device::Level level = device::Level::kPortable;
  // For whoever operates the machine (journal.h says what may be in them); both may be left out.
  Log log;
  std::function<Status(std::string_view text)> publish;  // status.json, not durable
};

// For a real machine: the records' file, and threads that replay. Records that cannot be read at
// all are the machine's fault.
std::function<Result<std::unique_ptr<data::RecordSource>>(const data::DatasetFacts&)>
records_on_disk(const std::filesystem::path& path);
// A file of weights that cannot be read is the machine's fault, too.
training::WeightsReader weights_on_disk(const std::filesystem::path& path);
std::function<std::unique_ptr<ReplayQueue>(const training::Training&, const data::RecordSource&)>
replay_threads(size_t threads);

struct RunOptions {
  bool resume = false;  // go on from the folder's checkpoint
  uint32_t life = 1;    // that this start asks leave for, unless a suspended one goes on
  // Between checkpoints that a later life may go on from; none are made for a job of one life.
  double checkpoint_seconds = 60;
  double reconnect_seconds = 600;  // to wait for a worker; then the run is suspended
  double silence_seconds = 3600;   // without a byte, after which a connection counts as broken
};

}  // namespace ginn::verifier
