#include "cli/verifier_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>
#include <thread>
#include <vector>

#include "base/affinity.h"
#include "base/text.h"
#include "protocol/socket.h"

namespace ginn::cli {
namespace {

constexpr std::chrono::milliseconds kEachLook(10);

Usage to_usage(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
          static_cast<double>(usage.ru_maxrss) * 1024.0};
}

// In the child: only async-signal-safe calls.
[[noreturn]] void become_verifier(const char* program,
                                  char* const* arguments,
                                  const char* log,
                                  const cpu_set_t* cpus) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (cpus != nullptr) ::sched_setaffinity(0, sizeof *cpus, cpus);  // refused: only slower
  ::setpgid(0, 0);  // Ctrl-C is the parent's to handle
  const int file = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file >= 0) {
    ::dup2(file, STDERR_FILENO);
    ::dup2(file, STDOUT_FILENO);
  }
  ::execv(program, arguments);
  ::_exit(127);
}

// The largest memory that process `pid` ever held, as far as it still runs `program`'s image: the
// line "VmHWM:   1234 kB" of its status.
uint64_t peak_of(pid_t pid) {
  constexpr std::string_view kLabel = "VmHWM:";
  std::ifstream status(concat("/proc/", pid, "/status"));
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(kLabel)) return std::strtoull(&line[kLabel.size()], nullptr, 10) * 1024;
  }
  return 0;
}

bool runs(pid_t pid, const std::filesystem::path& program) {
  std::error_code error;
  return std::filesystem::read_symlink(concat("/proc/", pid, "/exe"), error) == program && !error;
}

}  // namespace

Usage own_usage() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return to_usage(usage);
}

Result<std::unique_ptr<TemporaryFolder>> TemporaryFolder::create() {
  std::error_code error;
  const auto base = std::filesystem::temp_directory_path(error);
  std::string name = ((error ? std::filesystem::path("/tmp") : base) / "ginn-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return environment_error(
        "cannot_start", concat("making a temporary folder ", name, ": ", std::strerror(errno)));
  }
  auto folder = std::make_unique<TemporaryFolder>();
  folder->path_ = name;
  return folder;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

void VerifierProcess::suspend() {
  if (pid_ > 0 && !exit_code_) ::kill(pid_, SIGTERM);
}

Result<std::unique_ptr<VerifierProcess>> VerifierProcess::start(
    const std::filesystem::path& records,
    const std::filesystem::path& out,
    const std::filesystem::path& log,
    const std::vector<std::string>& more,
    const std::vector<int>& cpus) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto program = self.parent_path() / "ginn-verifier";
  if (error || ::access(program.c_str(), X_OK) != 0) {
    return environment_error("no_verifier_program",
                             concat("ginn-verifier is not beside ginn: ", program.string()));
  }
  auto process = std::unique_ptr<VerifierProcess>(new VerifierProcess());
  process->socket_ = records.parent_path() / "verifier.sock";
  if (process->socket_.native().size() > protocol::kMaxSocketPathBytes) {
    return environment_error("cannot_start",
                             concat("a socket's path has at most ",
                                    protocol::kMaxSocketPathBytes,
                                    " bytes, and ",
                                    printable(process->socket_.native(), 400),
                                    " is longer: set TMPDIR to a folder with a shorter path"));
  }
  std::vector<std::string> words = {program.string(),
                                    "--listen",
                                    process->address(),
                                    "--records",
                                    records.string(),
                                    "--out",
                                    out.string()};
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log_name = log.string();
  const cpu_set_t set = cpu_set(cpus);
  process->pid_ = ::fork();
  if (process->pid_ < 0) {
    return environment_error("cannot_start",
                             concat("starting ginn-verifier: ", std::strerror(errno)));
  }
  if (process->pid_ == 0) {
    become_verifier(
        program.c_str(), arguments.data(), log_name.c_str(), cpus.empty() ? nullptr : &set);
  }
  process->watcher_ = std::jthread([process = process.get(), program](const std::stop_token& stop) {
    while (!stop.stop_requested() && !runs(process->pid_, program)) {
      std::this_thread::sleep_for(kEachLook);  // between fork and exec
    }
    process->watch_memory(stop);
  });
  return process;
}

void VerifierProcess::watch_memory(const std::stop_token& stop) {
  for (; !stop.stop_requested(); std::this_thread::sleep_for(kEachLook)) {
    peak_bytes_ = std::max<uint64_t>(peak_bytes_, peak_of(pid_));
  }
}

VerifierProcess::~VerifierProcess() { end(std::chrono::milliseconds(0)); }

std::optional<int> VerifierProcess::wait(int options) {
  if (exit_code_ || pid_ <= 0) return exit_code_;
  int status = 0;
  rusage usage{};
  pid_t found;
  do {
    found = ::wait4(pid_, &status, options, &usage);
  } while (found < 0 && errno == EINTR);
  if (found != pid_) return std::nullopt;
  watcher_ = {};
  usage_ = to_usage(usage);
  if (peak_bytes_ > 0) usage_.peak_bytes = static_cast<double>(peak_bytes_);
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

std::optional<int> VerifierProcess::ended() { return wait(WNOHANG); }

int VerifierProcess::end(std::chrono::milliseconds patience, const std::function<bool()>& enough) {
  constexpr auto kEach = std::chrono::milliseconds(5);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!ended() && std::chrono::steady_clock::now() < deadline && !(enough && enough())) {
    std::this_thread::sleep_for(kEach);
  }
  if (pid_ > 0 && !exit_code_) ::kill(pid_, SIGKILL);
  return wait(0).value_or(-1);
}

}  // namespace ginn::cli
