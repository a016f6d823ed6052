#pragma once

#include <cmath>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/text.h"

namespace ginn {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

// "debug", "info", "warning", "error", "off"; "text", "json".
std::optional<LogLevel> log_level(std::string_view word);
std::optional<LogFormat> log_format(std::string_view word);

// One `key=value` of a line. Text from outside is made printable and cut at kMaxLogValueBytes.
struct LogField {
  template <typename T>
  LogField(std::string_view name, const T& what) : key(name), value(concat(what)) {
    bare = std::is_integral_v<T> && !std::is_same_v<T, char>;
    if constexpr (std::is_floating_point_v<T>) bare = std::isfinite(what);
  }
  std::string_view key;  // snake_case
  std::string value;
  bool bare = false;  // a number or a truth value: no quotes in JSON
};
inline constexpr size_t kMaxLogValueBytes = 1000;

// The one place where log lines are made: for operators, on both sides. One line for an event:
//   2026-11-24T17:10:00.123Z info connected connection=1 address="unix:/run/x y"
//   {"time":"2026-11-24T17:10:00.123Z","level":"info","event":"connected","connection":1,...}
// Whoever reads it is not trusted: what the verifier writes there is in docs/cli.md, and none of it
// is caused by a coin or by a replay while the run goes on. One thread writes.
class Log {
 public:
  using Clock = std::function<double()>;               // seconds since 1970, UTC
  using Sink = std::function<void(std::string_view)>;  // a line with its newline

  Log() = default;  // says nothing
  Log(LogLevel least, LogFormat format, Clock clock, Sink sink)
      : least_(least), format_(format), clock_(std::move(clock)), sink_(std::move(sink)) {}

  bool has(LogLevel level) const { return level >= least_ && sink_ != nullptr; }
  LogFormat format() const { return format_; }
  // `event` is a snake_case word that stays; no level is kOff.
  void write(LogLevel level,
             std::string_view event,
             std::initializer_list<LogField> fields = {}) const;

 private:
  LogLevel least_ = LogLevel::kOff;
  LogFormat format_ = LogFormat::kText;
  Clock clock_;
  Sink sink_;
};

// "2026-11-24T17:10:00.123Z" (RFC 3339); of years 1970 to 9999, other times are cut to these.
std::string utc_text(double unix_seconds);

}  // namespace ginn
