#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attack/weight_game.h"
#include "cli/attack_run.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

struct Row {
  double budget = 0, replays = 0;
  attack::GameValues values;
};

void print_table(const job::Job& job, const std::vector<Row>& rows) {
  fmt::print(
      "{} contributions; effects in units of the largest, gained by who passes with {:.3g}\n",
      job.contributions(),
      1.0 - job.probability);
  fmt::print("{:>10}  {:>9}  {:>9}  {:>12}  {:>9}  {:>8}  {}\n",
             "budget",
             "replays",
             "uniform",
             "by effect",
             "best",
             "gain",
             "never replayed");
  for (const Row& row : rows) {
    fmt::print("{:>10.4g}  {:>9.0f}  {:>9.2f}  {:>12.2f}  {:>9.2f}  {:>6.1f} %  {:.1f} %\n",
               row.budget,
               row.replays,
               row.values.uniform,
               row.values.proportional,
               row.values.best,
               100.0 * (1.0 - row.values.best / row.values.uniform),
               100.0 * row.values.left_out);
  }
  fmt::print(
      "(a linear model: what the attacker's steps add up to, nothing undone by honest ones)\n");
}

void print_json(const job::Job& job, const std::vector<Row>& rows) {
  crypto::Json::Array array;
  for (const Row& row : rows) {
    crypto::Json::Object json;
    json["budget"] = row.budget;
    json["expected_replays"] = row.replays;
    json["uniform"] = row.values.uniform;
    json["proportional"] = row.values.proportional;
    json["best"] = row.values.best;
    json["never_replayed"] = row.values.left_out;
    array.push_back(json);
  }
  crypto::Json::Object json;
  json["contributions"] = static_cast<double>(job.contributions());
  json["games"] = array;
  fmt::print("{}\n", crypto::pretty_json(json));
}

}  // namespace

Result<int> game_verb(const AttackOptions& options) {
  GINN_ASSIGN(LoadedJob loaded, load_job(options.job));
  job::Job& job = loaded.resolved.job;
  GINN_TRY(set_steps(options, job));
  GINN_ASSIGN(const guarantee::Sampling own, job::sampling(job));
  std::vector<double> effects = attack::effects(job);
  const double most = *std::max_element(effects.begin(), effects.end());
  for (double& effect : effects) effect /= most;
  std::vector<Row> rows;
  // The job's budget, and what it would be with more and with fewer replays.
  for (const double factor : {4.0, 1.0, 0.25, 0.1}) {
    const double budget = own.budget_contributions() * factor;
    const double n = static_cast<double>(job.contributions());
    const double replays = n * -std::expm1(-own.exposure() / budget);
    if (!(replays > 0.0 && replays < n)) continue;
    rows.push_back({budget, replays, attack::game_values(effects, own.exposure(), replays)});
  }
  options.json ? print_json(job, rows) : print_table(job, rows);
  return 0;
}

}  // namespace ginn::cli
