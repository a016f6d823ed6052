#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attack/weight_game.h"
#include "cli/attack_run.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

// What passes under one way to spread the replays, by the stretch of the run that is tampered with.
struct Passing {
  double floor = 1;
  double anywhere = 0, first_half = 0, second_half = 0, last_quarter = 0, last_tenth = 0,
         at_end = 0;
};

struct Row {
  double budget = 0, replays = 0;
  attack::GameValues values;
  std::vector<Passing> passing;
};

std::vector<Passing> all_passing(const std::vector<double>& effects,
                                 double exposure,
                                 double replays) {
  std::vector<Passing> all;
  for (const double floor : {1.0, 0.75, 0.5, 0.25, 0.0}) {
    const std::vector<double> hazards = attack::floored_hazards(effects, floor, replays);
    all.push_back({floor,
                   attack::passing(hazards, exposure, 0.0, 1.0),
                   attack::passing(hazards, exposure, 0.0, 0.5),
                   attack::passing(hazards, exposure, 0.5, 1.0),
                   attack::passing(hazards, exposure, 0.75, 1.0),
                   attack::passing(hazards, exposure, 0.9, 1.0),
                   attack::passing_at_end(hazards, exposure)});
  }
  return all;
}

void print_passing(const Row& row) {
  fmt::print("\n{:.0f} replays: contributions that pass, at random places of\n", row.replays);
  fmt::print("{:>10}  {:>9}  {:>9}  {:>9}  {:>12}  {:>9}  {}\n",
             "floor",
             "the run",
             "1st half",
             "2nd half",
             "last quarter",
             "last 10 %",
             "in a row at the end");
  for (const Passing& p : row.passing) {
    fmt::print("{:>10.2f}  {:>9.1f}  {:>9.1f}  {:>9.1f}  {:>12.1f}  {:>9.1f}  {:.1f}\n",
               p.floor,
               p.anywhere,
               p.first_half,
               p.second_half,
               p.last_quarter,
               p.last_tenth,
               p.at_end);
  }
}

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
  for (const Row& row : rows) print_passing(row);
  fmt::print(
      "(floor: the part of the chance of a replay that is the same for all, the rest goes by "
      "effect)\n");
}

crypto::Json::Array passing_json(const std::vector<Passing>& all) {
  crypto::Json::Array array;
  for (const Passing& p : all) {
    crypto::Json::Object json;
    json["floor"] = p.floor;
    json["anywhere"] = p.anywhere;
    json["first_half"] = p.first_half;
    json["second_half"] = p.second_half;
    json["last_quarter"] = p.last_quarter;
    json["last_tenth"] = p.last_tenth;
    json["at_end"] = p.at_end;
    array.emplace_back(std::move(json));
  }
  return array;
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
    json["passing"] = passing_json(row.passing);
    array.emplace_back(std::move(json));
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
    rows.push_back({budget,
                    replays,
                    attack::game_values(effects, own.exposure(), replays),
                    all_passing(effects, own.exposure(), replays)});
  }
  options.json ? print_json(job, rows) : print_table(job, rows);
  return 0;
}

}  // namespace ginn::cli
