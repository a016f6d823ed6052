#pragma once

#include "base/log.h"
#include "cli/verbs.h"

namespace ginn::cli {

// The log of a verb that runs long, on standard error. Code "usage".
Result<Log> open_log(const LogOptions& options);

// Seconds since 1970, UTC.
double time_of_day();

// The event "run_ended", with the exit code or the error; gives `result` back.
Result<int> log_end(const Log& log, Result<int> result);

// What main() says of an error when the arguments ask for a log in JSON: one event more.
bool wants_json_log(const std::vector<std::string>& arguments);
void log_failure(std::string_view code, std::string_view message);

}  // namespace ginn::cli
