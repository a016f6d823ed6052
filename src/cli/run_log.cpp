#include "cli/run_log.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/text.h"

namespace ginn::cli {
namespace {

void write_line(std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); }

Error bad_word(std::string_view option, const std::string& found, std::string_view words) {
  return input_error("usage",
                     concat(option, " takes one of ", words, "; found \"", printable(found), '"'));
}

}  // namespace

double time_of_day() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<Log> open_log(const LogOptions& options) {
  const auto level = log_level(options.level);
  const auto format = log_format(options.format);
  if (!level) return bad_word("--log-level", options.level, "debug, info, warning, error, off");
  if (!format) return bad_word("--log-format", options.format, "text, json");
  return Log(*level, *format, time_of_day, write_line);
}

Result<int> log_end(const Log& log, Result<int> result) {
  if (result.ok()) {
    log.write(*result == 0 ? LogLevel::kInfo : LogLevel::kError,
              "run_ended",
              {{"verdict", *result == 0 ? "good" : "rejected"}, {"exit_code", *result}});
  } else {
    log.write(LogLevel::kError,
              "run_ended",
              {{"verdict", "failed"},
               {"code", result.error().code},
               {"message", result.error().message}});
  }
  return result;
}

bool wants_json_log(const std::vector<std::string>& arguments) {
  const auto option = std::find(arguments.begin(), arguments.end(), "--log-format");
  if (option != arguments.end() && option + 1 != arguments.end()) return *(option + 1) == "json";
  return std::find(arguments.begin(), arguments.end(), "--log-format=json") != arguments.end();
}

void log_failure(std::string_view code, std::string_view message) {
  Log(LogLevel::kInfo, LogFormat::kJson, time_of_day, write_line)
      .write(LogLevel::kError, "ended", {{"code", code}, {"message", message}});
}

}  // namespace ginn::cli
