// ginn-verifier: the trusted program. It believes nothing that comes from its arguments: they only
// say where to listen, where the records lie and where to leave the run's files.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/caught.h"
#include "base/file.h"
#include "base/text.h"
#include "protocol/socket.h"
#include "verifier/session.h"

namespace {

constexpr int kGood = 0;
constexpr int kRefusedExit = 1;
constexpr int kUsage = 2;
constexpr int kEnvironment = 3;

constexpr const char* kHelp =
    "usage: ginn-verifier --listen ADDRESS --records FILE --out DIR [OPTION VALUE]...\n"
    "\n"
    "Takes one training run from an untrusted worker, replays a secret sample of its gradients, "
    "and\n"
    "signs a certificate or a rejection. Normally started by `ginn train`.\n"
    "\n"
    "  --listen ADDRESS     where workers connect: unix:PATH, tcp:HOST:PORT or vsock:CID:PORT\n"
    "                       (tcp:[::1]:7000, vsock:any:7000; TCP is not encrypted: use a tunnel)\n"
    "  --records FILE       the training data as raw records (`ginn train` writes it)\n"
    "  --weights FILE       the weights that the job starts from, where it names a file\n"
    "  --out DIR            an existing folder without files of another run\n"
    "  --threads N          threads that replay (1 to 256, default 1)\n"
    "  --resume LIFE        go on from DIR's checkpoint: a suspended run as the same life, a\n"
    "                       killed one as this life, for which the owner's leave is asked\n"
    "  --life LIFE          start from nothing as this life (1 to 64, default 1)\n"
    "  --checkpoint-seconds N  between checkpoints, where the job has more lives (default 60)\n"
    "  --reconnect-seconds N   to wait for a worker that is gone (default 600); then, and on\n"
    "                       SIGINT or SIGTERM, the run is suspended\n"
    "  --silence-seconds N  without a byte before a connection counts as broken (default 3600)\n"
    "  --log-level LEVEL    of the lines on standard error: debug, info (default), warning, error, "
    "off\n"
    "  --log-format FORMAT  text (default) or json, which makes the last line an event, too\n"
    "  --version, --help\n"
    "\n"
    "exit codes: 0 accepted, 1 rejected, 2 usage or input error, 3 environment, suspended\n";

struct Arguments {
  std::string listen, records, weights, out;
  size_t threads = 1;
  ginn::verifier::RunOptions run;
};

// Of the lines on standard error; known as soon as the arguments are.
ginn::LogLevel least_level = ginn::LogLevel::kInfo;
ginn::LogFormat line_format = ginn::LogFormat::kText;

std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

extern "C" void ask_to_stop(int) { stop_asked = true; }

// The first one suspends; a second one ends the program.
void watch_signals() {
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

double clock_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double time_of_day() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void write_line(std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); }

ginn::Log log_of(ginn::LogLevel least) {
  return ginn::Log(least, line_format, time_of_day, write_line);
}

// What the program ends with, whatever the level: the answer.
int end_with(int exit_code, std::string_view verdict, std::string_view code, std::string_view why) {
  if (line_format == ginn::LogFormat::kJson) {
    const auto level = exit_code == kGood ? ginn::LogLevel::kInfo : ginn::LogLevel::kError;
    log_of(ginn::LogLevel::kInfo)
        .write(level,
               "ended",
               {{"exit_code", exit_code}, {"verdict", verdict}, {"code", code}, {"message", why}});
    return exit_code;
  }
  const std::string_view colon = verdict.empty() ? "" : ": ";
  write_line(ginn::concat("ginn-verifier: ", verdict, colon, code, ": ", why, '\n'));
  return exit_code;
}

template <typename T>
ginn::Status number(std::string_view key, const std::string& text, T least, T most, T& out) {
  if (ginn::parse_number(text, out) && out >= least && out <= most) return ginn::ok_status();
  return ginn::input_error("usage",
                           ginn::concat(key, " takes a number from ", least, " to ", most));
}

// Seconds, up to a year.
ginn::Status seconds(std::string_view key, const std::string& text, double& out) {
  uint32_t value = 0;
  GINN_TRY(number<uint32_t>(key, text, 0, 366 * 86400, value));
  out = value;
  return ginn::ok_status();
}

template <typename T>
ginn::Status word(std::string_view key,
                  const std::string& found,
                  std::optional<T> value,
                  std::string_view words,
                  T& out) {
  if (!value) {
    return ginn::input_error(
        "usage",
        ginn::concat(key, " takes one of ", words, "; found \"", ginn::printable(found), '"'));
  }
  out = *value;
  return ginn::ok_status();
}

ginn::Status set(Arguments& arguments, std::string_view key, const std::string& value) {
  ginn::verifier::RunOptions& run = arguments.run;
  if (key == "--listen") {
    arguments.listen = value;
  } else if (key == "--records") {
    arguments.records = value;
  } else if (key == "--weights") {
    arguments.weights = value;
  } else if (key == "--out") {
    arguments.out = value;
  } else if (key == "--threads") {
    return number<size_t>(key, value, 1, 256, arguments.threads);
  } else if (key == "--resume" || key == "--life") {
    run.resume = key == "--resume";
    return number<uint32_t>(key, value, 1, ginn::verifier::kMaxLives, run.life);
  } else if (key == "--checkpoint-seconds") {
    return seconds(key, value, run.checkpoint_seconds);
  } else if (key == "--reconnect-seconds") {
    return seconds(key, value, run.reconnect_seconds);
  } else if (key == "--silence-seconds") {
    return seconds(key, value, run.silence_seconds);
  } else if (key == "--log-level") {
    return word(
        key, value, ginn::log_level(value), "debug, info, warning, error, off", least_level);
  } else if (key == "--log-format") {
    return word(key, value, ginn::log_format(value), "text, json", line_format);
  } else {
    return ginn::input_error("usage",
                             ginn::concat("unknown option ", ginn::printable(key), "; try --help"));
  }
  return ginn::ok_status();
}

ginn::Result<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view key = argv[i];
    if (i + 1 >= argc) {
      return ginn::input_error("usage", ginn::concat(ginn::printable(key), " needs a value"));
    }
    GINN_TRY(set(arguments, key, argv[i + 1]));
  }
  if (arguments.listen.empty() || arguments.records.empty() || arguments.out.empty()) {
    return ginn::input_error("usage", "--listen, --records and --out are needed; try --help");
  }
  return arguments;
}

int exit_code(const ginn::Error& error) {
  switch (error.kind) {
    case ginn::ErrorClass::kRefused:
      return kRefusedExit;
    case ginn::ErrorClass::kInput:
      return kUsage;
    case ginn::ErrorClass::kEnvironment:
      return kEnvironment;
  }
  return kEnvironment;
}

ginn::Result<ginn::verifier::Outcome> serve(const Arguments& arguments) {
  using namespace ginn;  // NOLINT
  constexpr uint64_t kMaxProgramBytes = uint64_t{1} << 30;
  constexpr uint64_t kMaxCounterBytes = 64;
  GINN_ASSIGN(const FolderLock lock, FolderLock::take(arguments.out));
  GINN_TRY(verifier::check_out_folder(arguments.out, arguments.run.resume));
  GINN_ASSIGN(const Bytes program, read_file("/proc/self/exe", kMaxProgramBytes));
  GINN_ASSIGN(crypto::RandomGenerator generator, crypto::RandomGenerator::create());
  GINN_ASSIGN(protocol::Listener listener, protocol::Listener::create(arguments.listen));
  DiskFolder folder(arguments.out);
  const auto attester = attest::simulated_attester(
      crypto::sha256(program),
      {[&] { return folder.read(attest::kSimulatedCounterFile, kMaxCounterBytes); },
       [&](ByteView value) { return folder.write(attest::kSimulatedCounterFile, value); }});
  verifier::Host host;
  host.acceptor = &listener;
  host.folder = &folder;
  host.attester = attester.get();
  host.coin = [&generator] { return generator.next(); };
  host.seconds = clock_seconds;
  host.unix_seconds = time_of_day;
  host.log = log_of(least_level);
  const auto status = std::filesystem::path(arguments.out) / verifier::kStatusFile;
  host.publish = [status](std::string_view text) { return publish_file(status, as_bytes(text)); };
  host.stop = [] { return stop_asked.load(); };
  host.records = verifier::records_on_disk(arguments.records);
  if (!arguments.weights.empty()) host.weights = verifier::weights_on_disk(arguments.weights);
  host.replays = verifier::replay_threads(arguments.threads);
  host.threads = arguments.threads;
  GINN_ASSIGN(host.level, device::choose_level());
  host.log.write(LogLevel::kInfo,
                 "listening",
                 {{"address", listener.address()},
                  {"version", verifier::kVersion},
                  {"threads", arguments.threads},
                  {"pid", ::getpid()}});
  return verifier::Session(std::move(host), arguments.run).run();
}

int report(const ginn::verifier::Outcome& outcome) {
  using Kind = ginn::verifier::Outcome::Kind;
  const bool suspended = outcome.kind == Kind::kSuspended;
  const std::string_view verdict = suspended            ? "suspended"
                                   : outcome.accepted() ? "accepted"
                                                        : "rejected";
  const std::string_view by =
      outcome.simulated ? " by a SIMULATED TEE, which proves nothing to others" : "";
  const int number = suspended ? kEnvironment : outcome.accepted() ? kGood : kRefusedExit;
  return end_with(number, ginn::concat(verdict, by), outcome.code, outcome.message);
}

}  // namespace

int main(int argc, char** argv) {
  watch_signals();
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fputs(kHelp, stdout);
      return kGood;
    }
    if (argument == "--version") {
      std::printf("ginn-verifier %s\n", std::string(ginn::verifier::kVersion).c_str());
      return kGood;
    }
  }
  const auto outcome = ginn::caught([&]() -> ginn::Result<ginn::verifier::Outcome> {
    GINN_ASSIGN(const Arguments arguments, parse(argc, argv));
    return serve(arguments);
  });
  if (!outcome.ok()) {
    return end_with(exit_code(outcome.error()), "", outcome.error().code, outcome.error().message);
  }
  return report(*outcome);
}
