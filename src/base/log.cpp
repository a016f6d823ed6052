#include "base/log.h"

#include <algorithm>
#include <chrono>

namespace ginn {
namespace {

constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error", "off"};
constexpr std::string_view kFormats[] = {"text", "json"};

template <typename Value, size_t count>
std::optional<Value> find_word(const std::string_view (&words)[count], std::string_view word) {
  const auto* found = std::find(std::begin(words), std::end(words), word);
  if (found == std::end(words)) return std::nullopt;
  return static_cast<Value>(found - std::begin(words));
}

std::string padded(int64_t value, size_t digits) {
  const std::string text = concat(value);
  return std::string(digits - std::min(digits, text.size()), '0') + text;
}

// Of printable text: the same escapes are those of JSON.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string text_value(const LogField& field) {
  const std::string value = printable(field.value, kMaxLogValueBytes);
  const bool plain = !value.empty() && value.find_first_of(" \"=\\") == std::string::npos;
  return plain ? value : quoted(value);
}

}  // namespace

std::optional<LogLevel> log_level(std::string_view word) {
  return find_word<LogLevel>(kLevels, word);
}

std::optional<LogFormat> log_format(std::string_view word) {
  return find_word<LogFormat>(kFormats, word);
}

std::string utc_text(double unix_seconds) {
  using namespace std::chrono;
  constexpr double kLast = 253'402'300'799.0;  // of the year 9999
  const double in_range = unix_seconds >= 0 ? std::min(unix_seconds, kLast) : 0.0;
  const sys_time<milliseconds> time{milliseconds(static_cast<int64_t>(in_range * 1000.0))};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  return concat(padded(int{date.year()}, 4),
                '-',
                padded(unsigned{date.month()}, 2),
                '-',
                padded(unsigned{date.day()}, 2),
                'T',
                padded(clock.hours().count(), 2),
                ':',
                padded(clock.minutes().count(), 2),
                ':',
                padded(clock.seconds().count(), 2),
                '.',
                padded(clock.subseconds().count(), 3),
                'Z');
}

void Log::write(LogLevel level,
                std::string_view event,
                std::initializer_list<LogField> fields) const {
  if (!has(level)) return;
  const std::string time = utc_text(clock_());
  const std::string_view word = kLevels[static_cast<size_t>(level)];
  std::string line;
  if (format_ == LogFormat::kText) {
    line = concat(time, ' ', word, ' ', event);
    for (const LogField& field : fields) line += concat(' ', field.key, '=', text_value(field));
  } else {
    line = concat("{\"time\":\"", time, "\",\"level\":\"", word, "\",\"event\":\"", event, '"');
    for (const LogField& field : fields) {
      const std::string value = printable(field.value, kMaxLogValueBytes);
      line += concat(",\"", field.key, "\":", field.bare ? value : quoted(value));
    }
    line += '}';
  }
  sink_(line + '\n');
}

}  // namespace ginn
