#include "attack/protocol_attacks.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace ginn::attack {
namespace {

// Whether one run, with all its lives, escapes.
bool play_one(const guarantee::Sampling& sampling,
              const LivesGame& game,
              uint64_t stake,
              std::mt19937_64& coins) {
  uint32_t lives = game.lives;
  uint64_t gained = 0;
  while (gained < game.deviations && lives > 0) {
    const uint64_t staked = std::min(stake, game.deviations - gained);
    bool picked = false;
    for (uint64_t i = 0; i < staked && !picked; ++i) picked = sampling.replayed(0, coins());
    picked ? void(--lives) : void(gained += staked);
  }
  return gained == game.deviations;
}

}  // namespace

LivesGame game_of(const guarantee::Sampling& sampling, uint32_t lives) {
  const double budget = std::ceil(sampling.budget_contributions());
  return {static_cast<uint64_t>(budget),
          lives,
          std::ldexp(static_cast<double>(sampling.threshold()), -64)};
}

double escape_with_stake(const LivesGame& game, uint64_t stake) {
  GINN_CHECK(game.deviations >= 1 && game.lives >= 1 && stake >= 1);
  // at[r]: probability to be where the loop is with r lives lost.
  std::vector<double> at(game.lives, 0.0);
  at[0] = 1.0;
  for (uint64_t gained = 0; gained < game.deviations; gained += stake) {
    const double staked = static_cast<double>(std::min(stake, game.deviations - gained));
    const double pass = std::pow(1.0 - game.picked, staked);
    // Lives are lost one after the other at the same place.
    double arriving = 0.0;
    for (double& here : at) {
      arriving = here + arriving * (1.0 - pass);
      here = arriving * pass;
    }
  }
  double escape = 0.0;
  for (double end : at) escape += end;
  return escape;
}

double best_escape(const LivesGame& game) {
  GINN_CHECK(game.deviations >= 1 && game.lives >= 1);
  const uint64_t k = game.deviations;
  // best[m]: with m deviations still to be gained, and as many lives as the loop has come to.
  std::vector<double> fewer(k + 1, 0.0), best(k + 1, 0.0);
  for (uint32_t lives = 1; lives <= game.lives; ++lives) {
    best[0] = 1.0;
    for (uint64_t m = 1; m <= k; ++m) {
      best[m] = 0.0;
      double pass = 1.0;
      for (uint64_t stake = 1; stake <= m; ++stake) {
        pass *= 1.0 - game.picked;
        best[m] = std::max(best[m], pass * best[m - stake] + (1.0 - pass) * fewer[m]);
      }
    }
    fewer = best;
  }
  return best[k];
}

double escape_of_attempts(const LivesGame& game, uint64_t attempts) {
  const double one = std::pow(1.0 - game.picked, static_cast<double>(game.deviations));
  return -std::expm1(static_cast<double>(attempts) * std::log1p(-one));
}

PlayedGames play_attempts(const guarantee::Sampling& sampling,
                          const LivesGame& game,
                          uint64_t attempts,
                          uint64_t games,
                          uint64_t seed) {
  const LivesGame once{game.deviations, 1, game.picked};
  PlayedGames result;
  std::mt19937_64 coins(seed);
  for (uint64_t i = 0; i < games; ++i) {
    bool escaped = false;
    for (uint64_t a = 0; a < attempts && !escaped; ++a) {
      escaped = play_one(sampling, once, once.deviations, coins);
    }
    if (escaped) ++result.escaped;
  }
  result.played = games;
  result.interval = wilson(result.escaped, games);
  return result;
}

PlayedGames play(const guarantee::Sampling& sampling,
                 const LivesGame& game,
                 uint64_t stake,
                 uint64_t games,
                 uint64_t seed) {
  GINN_CHECK(stake >= 1);
  PlayedGames result;
  std::mt19937_64 coins(seed);
  for (uint64_t i = 0; i < games; ++i) {
    if (play_one(sampling, game, stake, coins)) ++result.escaped;
  }
  result.played = games;
  result.interval = wilson(result.escaped, games);
  return result;
}

}  // namespace ginn::attack
