#include <fmt/format.h>

#include <set>

#include "attack/protocol_attacks.h"
#include "cli/attack_run.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kGames = 200'000;
constexpr uint64_t kAttemptGames = 20'000;  // each is many verifiers
constexpr uint64_t kExactMost = 4000;  // deviations: the best strategy takes their square in time

// One deviation, some of them, a quarter, all of them between two checkpoints.
std::set<uint64_t> stakes_for(uint64_t deviations) {
  std::set<uint64_t> stakes;
  for (uint64_t stake : {uint64_t{1}, uint64_t{2}, uint64_t{10}, deviations / 4, deviations}) {
    if (stake >= 1 && stake <= deviations) stakes.insert(stake);
  }
  return stakes;
}

// One way to play: with so many deviations between two checkpoints, or before so many verifiers.
struct Played {
  uint64_t number;
  double exact;
  attack::PlayedGames games;
};

crypto::Json::Array played_json(const char* number, const std::vector<Played>& all) {
  crypto::Json::Array array;
  for (const Played& played : all) {
    crypto::Json::Object json;
    json[number] = static_cast<double>(played.number);
    json["escape_exact"] = played.exact;
    json["games"] = static_cast<double>(played.games.played);
    json["escaped"] = static_cast<double>(played.games.escaped);
    array.emplace_back(std::move(json));
  }
  return array;
}

void print_played(const char* number, const std::vector<Played>& all) {
  fmt::print("{:>28}  {:>9}  {:>9}  {}\n", number, "exact", "measured", "95 % of what is measured");
  for (const Played& played : all) {
    fmt::print("{:>28}  {:>9.6f}  {:>9.6f}  {:.6f} to {:.6f}\n",
               played.number,
               played.exact,
               static_cast<double>(played.games.escaped) / static_cast<double>(played.games.played),
               played.games.interval.low,
               played.games.interval.high);
  }
  fmt::print("({} runs each, seeded coins)\n", all[0].games.played);
}

void print_json(const attack::LivesGame& game,
                double bound,
                double finite,
                const std::vector<Played>& stakes,
                const std::vector<Played>& attempts) {
  crypto::Json::Object json;
  json["deviations"] = static_cast<double>(game.deviations);
  json["lives"] = static_cast<double>(game.lives);
  json["q"] = game.picked;
  json["escape_bound"] = bound;
  json["escape_finite"] = finite;
  if (game.deviations <= kExactMost) json["escape_best"] = attack::best_escape(game);
  json["stakes"] = played_json("stake", stakes);
  json["attempts"] = played_json("attempts", attempts);
  fmt::print("{}\n", crypto::pretty_json(json));
}

void print_tables(const attack::LivesGame& game,
                  double bound,
                  double finite,
                  const std::vector<Played>& stakes,
                  const std::vector<Played>& attempts) {
  fmt::print("{} deviations are to pass, each picked with {:.4g}; lives: {}\n",
             game.deviations,
             game.picked,
             game.lives);
  fmt::print("by the guarantee: at most {:.6f}; its finite sum: {:.6f}\n", bound, finite);
  if (game.deviations <= kExactMost) {
    fmt::print("best strategy of all, computed: {:.6f}\n", attack::best_escape(game));
  }
  print_played("deviations per checkpoint", stakes);
  fmt::print(
      "\nthe same contributions before verifier after verifier, each granted by the owner:\n");
  print_played("verifiers", attempts);
}

}  // namespace

Result<int> protocol_verb(const AttackOptions& options) {
  GINN_ASSIGN(const LoadedJob loaded, load_job(options.job));
  const job::Job& job = loaded.resolved.job;
  GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(job));
  const attack::LivesGame game = attack::game_of(sampling, job.lives);
  std::vector<Played> stakes;
  for (uint64_t stake : stakes_for(game.deviations)) {
    stakes.push_back({stake,
                      attack::escape_with_stake(game, stake),
                      attack::play(sampling, game, stake, kGames, options.seeds[0] + stake)});
  }
  const double bound = guarantee::poisson_escape(sampling.exposure(), job.lives);
  const double finite = guarantee::finite_escape(game.deviations, game.picked, job.lives);
  std::vector<Played> attempts;
  for (uint64_t n : {uint64_t{1}, uint64_t{10}, uint64_t{100}}) {
    const uint64_t seed = options.seeds[0] + n;
    attempts.push_back({n,
                        attack::escape_of_attempts(game, n),
                        attack::play_attempts(sampling, game, n, kAttemptGames, seed)});
  }
  (options.json ? print_json : print_tables)(game, bound, finite, stakes, attempts);
  return 0;
}

}  // namespace ginn::cli
