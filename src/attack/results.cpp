#include "attack/results.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/file.h"
#include "base/text.h"

namespace ginn::attack {
namespace {

constexpr std::string_view kHeader =
    "job,attack,when,combine,target,poison,images,patch,seed,count,contributions,deviations,"
    "finished,"
    "test_images,correct,triggered_images,hits,robust,expected_replays,sequences,escaped,escape_"
    "exact,"
    "escape_bound,first_pick,rechecked,false_rejections,seconds\n";

// The fields of a row one after the other, for writing and for reading alike: `field` takes each.
template <typename Field, typename OneRow>
void each_field(OneRow& row, const Field& field) {
  auto& r = row.result;
  field(row.job), field(row.attack), field(row.when), field(row.combine);
  field(row.target), field(row.poison), field(row.images), field(row.patch), field(row.seed),
      field(row.count);
  field(r.contributions), field(r.deviations), field(r.finished);
  field(r.test_images), field(r.correct), field(r.triggered_images), field(r.hits);
  field(r.robust);
  field(r.expected_replays), field(r.detection.sequences), field(r.detection.escaped);
  field(r.detection.exact_escape), field(r.detection.bound), field(r.detection.first_pick);
  field(r.rechecked), field(r.false_rejections), field(r.seconds);
}

// Text of a field; first_pick may be missing.
template <typename Value>
std::string text_of(const Value& value) {
  return concat(value);
}
std::string text_of(const bool& value) { return value ? "1" : "0"; }
std::string text_of(const std::optional<uint64_t>& value) { return value ? concat(*value) : ""; }

template <typename Value>
bool read_value(std::string_view text, Value& value) {
  return parse_number(text, value);
}
bool read_value(std::string_view text, std::string& value) {
  value = text;
  return !text.empty();
}
bool read_value(std::string_view text, bool& value) {
  value = text == "1";
  return text == "1" || text == "0";
}
bool read_value(std::string_view text, std::optional<uint64_t>& value) {
  if (text.empty()) return true;
  value.emplace();
  return read_value(text, *value);
}

std::string line_of(const Row& row) {
  std::string line;
  each_field(row,
             [&](const auto& value) { line += concat(line.empty() ? "" : ",", text_of(value)); });
  return line + "\n";
}

std::optional<Row> read_line(std::string_view line) {
  Row row;
  bool good = true;
  each_field(row, [&](auto& value) {
    const size_t comma = std::min(line.find(','), line.size());
    good = good && read_value(line.substr(0, comma), value);
    line.remove_prefix(std::min(comma + 1, line.size()));
  });
  good = good && line.empty() && parse_when(row.when).ok();
  return good ? std::optional<Row>(row) : std::nullopt;
}

void finish(Group& group) {
  const uint64_t finished = group.trainings - group.broken;
  if (finished == 0) return;
  group.success /= static_cast<double>(finished);
  group.accuracy /= static_cast<double>(finished);
  group.robust /= static_cast<double>(finished);
}

void add(Group& group, const Row& row) {
  const double before = static_cast<double>(group.trainings++);
  const double all = static_cast<double>(group.trainings);
  group.share = (group.share * before + row.share()) / all;
  group.escape = (group.escape * before + row.result.detection.exact_escape) / all;
  if (!row.result.finished) {
    ++group.broken;
    return;
  }
  const double success = row.result.success();
  group.success += success;
  group.accuracy += row.result.accuracy();
  group.robust += row.result.robust_accuracy();
  group.has_robust = group.has_robust && row.result.robust.has_value();
  group.lowest = std::min(group.lowest, success);
  group.highest = std::max(group.highest, success);
  if (success > kSuccess) ++group.succeeded;
}

}  // namespace

bool Row::same_training(const Row& other) const {
  const auto key = [](const Row& row) {
    return std::tie(row.job,
                    row.attack,
                    row.when,
                    row.combine,
                    row.target,
                    row.poison,
                    row.images,
                    row.patch,
                    row.seed,
                    row.count);
  };
  return key(*this) == key(other);
}

double Row::share() const {
  return result.contributions == 0
             ? 0.0
             : static_cast<double>(result.deviations) / static_cast<double>(result.contributions);
}

Row row_of(const std::string& job, const AttackPlan& plan) {
  Row row;
  row.job = job;
  row.attack = plan.attack;
  row.when = to_text(plan.when);
  row.combine = plan.combine;
  row.target = plan.options.target;
  row.poison = plan.options.poison;
  row.images = plan.options.images;
  row.patch = plan.options.patch;
  row.seed = plan.options.seed;
  row.count = plan.count;
  return row;
}

AttackPlan plan_of(const Row& row) {
  AttackPlan plan;
  plan.attack = row.attack;
  plan.when = parse_when(row.when).value();
  plan.combine = row.combine;
  plan.count = row.count;
  plan.options.target = row.target;
  plan.options.poison = row.poison;
  plan.options.images = row.images;
  plan.options.patch = row.patch;
  plan.options.seed = row.seed;
  return plan;
}

Result<Results> Results::open(const std::filesystem::path& path) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 26;
  Results results(path);
  results.text_ = kHeader;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return results;
  GINN_ASSIGN(const Bytes file, read_file(path, kMostBytes));
  std::string_view text = as_text(file);
  bool good = text.starts_with(kHeader);
  if (good) text.remove_prefix(kHeader.size());
  while (good && !text.empty()) {
    const size_t end = text.find('\n');
    const auto row = end == std::string_view::npos ? std::nullopt : read_line(text.substr(0, end));
    good = row.has_value();
    if (!good) break;
    results.rows_.push_back(*row);
    results.text_ += text.substr(0, end + 1);
    text.remove_prefix(end + 1);
  }
  if (good) return results;
  return input_error("results_form",
                     concat(printable(path.native(), 400),
                            ": line ",
                            results.rows_.size() + (results.rows_.empty() ? 1 : 2),
                            ": expected the columns of results.csv; remove the file, if it is not "
                            "needed"));
}

const Row* Results::find(const Row& training) const {
  for (const Row& row : rows_) {
    if (row.same_training(training)) return &row;
  }
  return nullptr;
}

Status Results::add(Row row) {
  text_ += line_of(row);
  rows_.push_back(std::move(row));
  return write_file_atomic(path_, as_bytes(text_));
}

std::vector<Group> groups(const std::vector<Row>& rows,
                          const std::string& job,
                          const std::string& combine) {
  std::map<std::tuple<std::string, std::string, uint64_t>, Group> found;
  for (const Row& row : rows) {
    if (row.job != job || row.combine != combine) continue;
    Group& group = found[{row.attack, row.when, row.count}];
    group.attack = row.attack;
    group.when = row.when;
    group.count = row.count;
    add(group, row);
  }
  std::vector<Group> result;
  for (auto& [key, group] : found) {
    finish(group);
    group.interval = wilson(group.succeeded, group.trainings - group.broken);
    result.push_back(group);
  }
  return result;
}

std::optional<uint64_t> Bracket::next() const {
  if (above - below <= std::max<uint64_t>(1, above / 20)) return std::nullopt;
  return below + (above - below) / 2;
}

std::optional<Bracket> bracket(const std::vector<Group>& groups,
                               const std::string& attack,
                               const std::string& when) {
  std::optional<Bracket> found;
  uint64_t below = 0;
  for (const Group& group : groups) {  // ascending counts
    if (group.attack != attack || group.when != when) continue;
    if (group.success > kSuccess) {
      found = Bracket{below, group.count};
      break;
    }
    below = group.count;
  }
  return found;
}

}  // namespace ginn::attack
