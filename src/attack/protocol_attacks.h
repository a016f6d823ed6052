#pragma once

#include "attack/detection.h"

namespace ginn::attack {

// Attacks on the protocol instead of the model; no training, coins alone. The host sees by the
// replay's reads that a deviation was picked and ends the verifier before it has signed anything:
// that costs a life. The next life goes on from the last checkpoint, so what passed before it stays
// gained and only the stake, the deviations since then, is lost. With `deviations` gained in all,
// the run has escaped; with every life spent it has not.
struct LivesGame {
  uint64_t deviations = 1;  // to be gained, at least 1
  uint32_t lives = 1;       // in [1, 64]
  double picked = 0;        // q, of each deviation
};
// Of a job that shall be tampered with by just its budget.
LivesGame game_of(const guarantee::Sampling& sampling, uint32_t lives);

// Probability to escape with `stake` deviations between two checkpoints (a last one may be
// smaller), exact up to rounding.
double escape_with_stake(const LivesGame& game, uint64_t stake);
// With the best stake at every moment, chosen by what was gained and lost so far.
double best_escape(const LivesGame& game);

struct PlayedGames {
  uint64_t played = 0, escaped = 0;
  Interval interval;  // of the escape probability
};
// The same game played, with seeded coins compared as a verifier compares its own.
PlayedGames play(const guarantee::Sampling& sampling,
                 const LivesGame& game,
                 uint64_t stake,
                 uint64_t games,
                 uint64_t seed);

// The host keeps one tampered run's contributions and shows them to verifier after verifier, each
// from the start, each with coins of its own, until one of `attempts` signs. Whoever grants a start
// counts these; contributions that were computed before cost the host nothing.
double escape_of_attempts(const LivesGame& game, uint64_t attempts);
PlayedGames play_attempts(const guarantee::Sampling& sampling,
                          const LivesGame& game,
                          uint64_t attempts,
                          uint64_t games,
                          uint64_t seed);

}  // namespace ginn::attack
