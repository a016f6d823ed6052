// ginn-verifier: the trusted program. It believes nothing that comes from its arguments: they only
// say where to listen, where the records lie and where to leave the run's files.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/caught.h"
#include "base/file.h"
#include "base/text.h"
#include "verifier/session.h"

namespace {

constexpr int kGood = 0;
constexpr int kRefusedExit = 1;
constexpr int kUsage = 2;
constexpr int kEnvironment = 3;

constexpr const char* kHelp =
    "usage: ginn-verifier --listen unix:PATH --records FILE --out DIR [--threads N]\n"
    "\n"
    "Takes one training run from an untrusted worker, replays a secret sample of its gradients, "
    "and\n"
    "signs a certificate or a rejection. Normally started by `ginn train`.\n"
    "\n"
    "  --listen unix:PATH   where the worker connects\n"
    "  --records FILE       the training data as raw records (`ginn train` writes it)\n"
    "  --out DIR            an existing folder without files of another run\n"
    "  --threads N          threads that replay (1 to 256, default 1)\n"
    "  --version, --help\n"
    "\n"
    "exit codes: 0 accepted, 1 rejected, 2 usage or input error, 3 environment\n";

struct Arguments {
  std::string listen, records, out;
  size_t threads = 1;
};

ginn::Result<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view key = argv[i];
    if (i + 1 >= argc) {
      return ginn::input_error("usage", ginn::concat(ginn::printable(key), " needs a value"));
    }
    const std::string value = argv[i + 1];
    if (key == "--listen") {
      arguments.listen = value;
    } else if (key == "--records") {
      arguments.records = value;
    } else if (key == "--out") {
      arguments.out = value;
    } else if (key == "--threads") {
      const auto end =
          std::from_chars(value.data(), value.data() + value.size(), arguments.threads);
      if (end.ec != std::errc() || end.ptr != value.data() + value.size() ||
          arguments.threads < 1 || arguments.threads > 256) {
        return ginn::input_error("usage", "--threads takes a number from 1 to 256");
      }
    } else {
      return ginn::input_error(
          "usage", ginn::concat("unknown option ", ginn::printable(key), "; try --help"));
    }
  }
  if (arguments.listen.empty() || arguments.records.empty() || arguments.out.empty()) {
    return ginn::input_error("usage", "--listen, --records and --out are needed; try --help");
  }
  return arguments;
}

int exit_code(const ginn::Error& error) {
  std::fprintf(stderr, "ginn-verifier: %s: %s\n", error.code, error.message.c_str());
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
  constexpr uint64_t kMaxProgramBytes = uint64_t{1} << 30;
  ginn::verifier::Options options;
  options.records = arguments.records;
  options.out = arguments.out;
  options.threads = arguments.threads;
  GINN_TRY(ginn::verifier::check_out_folder(options.out));
  GINN_ASSIGN(const ginn::Bytes program, ginn::read_file("/proc/self/exe", kMaxProgramBytes));
  options.measurement = ginn::crypto::sha256(program);
  GINN_ASSIGN(options.level, ginn::device::choose_level());
  GINN_ASSIGN(ginn::crypto::RandomGenerator generator, ginn::crypto::RandomGenerator::create());
  options.coin = [&generator] { return generator.next(); };
  GINN_ASSIGN(ginn::protocol::Listener listener,
              ginn::protocol::Listener::create(arguments.listen));
  GINN_ASSIGN(ginn::protocol::Connection connection, listener.accept(nullptr));
  ginn::verifier::Session session(std::move(options), std::move(connection));
  return session.run();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
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
  if (!outcome.ok()) return exit_code(outcome.error());
  std::fprintf(stderr,
               "ginn-verifier: %s%s: %s: %s\n",
               outcome->accepted ? "accepted" : "rejected",
               outcome->simulated ? " by a SIMULATED TEE, which proves nothing to others" : "",
               outcome->code.c_str(),
               outcome->message.c_str());
  return outcome->accepted ? kGood : kRefusedExit;
}
