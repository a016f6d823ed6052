// ginn: everything a person types. Errors and exit codes; the rest is behind command_line.h.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/command_line.h"
#include "cli/run_log.h"
#include "crypto/json.h"

namespace {

using ginn::Error;
using ginn::ErrorClass;
using ginn::Result;

int exit_code(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::kRefused:
      return 1;
    case ErrorClass::kInput:
      return 2;
    case ErrorClass::kEnvironment:
      return 3;
  }
  return 3;
}

// Messages may have several lines and quote what came from outside.
std::string safe_lines(std::string_view message) {
  constexpr size_t kLineMost = 4000;
  std::string out;
  for (;;) {
    const size_t end = message.find('\n');
    out += ginn::printable(message.substr(0, end), kLineMost);
    if (end == std::string_view::npos) return out;
    out += '\n';
    message.remove_prefix(end + 1);
  }
}

int report(const Error& error, bool json, bool json_log) {
  const std::string message = safe_lines(error.message);
  if (json_log) {
    ginn::cli::log_failure(error.code, message);
  } else {
    fmt::print(stderr, "ginn: {}: {}\n", error.code, message);
  }
  if (json) {
    ginn::crypto::Json::Object body;
    body["code"] = error.code;
    body["message"] = message;
    ginn::crypto::Json::Object document;
    document["error"] = std::move(body);
    fmt::print("{}\n", ginn::crypto::pretty_json(document));
  }
  return exit_code(error.kind);
}

Result<int> run(const std::vector<std::string>& arguments) {
  try {
    GINN_ASSIGN(const ginn::cli::Command command, ginn::cli::parse_command_line(arguments));
    GINN_ASSIGN(const int code, command());
    // What was printed is the answer: a full disk must not pass for a good one.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      return ginn::environment_error("write_failed", "standard output cannot be written");
    }
    return code;
  } catch (const std::bad_alloc&) {
    return ginn::environment_error("out_of_memory", "this machine has too little memory for this");
  } catch (const std::exception& error) {
    return ginn::environment_error("failed", error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const Result<int> code = run(arguments);
  if (code.ok()) return *code;
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  return report(code.error(), json, ginn::cli::wants_json_log(arguments));
}
