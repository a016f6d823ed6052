#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace ginn::cli {

struct Usage {
  double cpu_seconds = 0;
  double peak_bytes = 0;
};
Usage own_usage();

// A ginn-verifier that this program started; its socket is beside the records' file. One that has
// not ended is killed at once when this is destroyed.
class VerifierProcess {
 public:
  // Starts `ginn-verifier` from the folder of this program. Its messages go to `log`; `more` are
  // further arguments. It runs on `cpus`; none: where this thread may. When this program dies, it
  // suspends the run. Codes "no_verifier_program", "cannot_start".
  static Result<std::unique_ptr<VerifierProcess>> start(const std::filesystem::path& records,
                                                        const std::filesystem::path& out,
                                                        const std::filesystem::path& log,
                                                        const std::vector<std::string>& more,
                                                        const std::vector<int>& cpus);
  ~VerifierProcess();

  std::string address() const { return "unix:" + socket_.string(); }
  // The exit code (128 + signal when killed), once it has ended.
  std::optional<int> ended();
  // Waits for its end, at most so long or until `enough`, and then kills it: the exit code.
  int end(std::chrono::milliseconds patience, const std::function<bool()>& enough = nullptr);
  // Asks it to suspend the run: it ends once its replays are done.
  void suspend();
  // Once it has ended. Its memory is looked at every few milliseconds: getrusage of a child counts
  // what this program held when it forked.
  Usage usage() const { return usage_; }

 private:
  VerifierProcess() = default;
  std::optional<int> wait(int options);
  void watch_memory(const std::stop_token& stop);

  std::filesystem::path socket_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  Usage usage_;
  std::atomic<uint64_t> peak_bytes_ = 0;
  std::jthread watcher_;  // last: it ends first
};

// A private folder below the system's temporary folder, removed when destroyed. Code
// "cannot_start".
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> create();
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace ginn::cli
