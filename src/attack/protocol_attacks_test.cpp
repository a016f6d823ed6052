#include "attack/protocol_attacks.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ginn::attack {
namespace {

guarantee::Sampling sampling(double probability, uint64_t count, uint32_t lives) {
  auto made = guarantee::Sampling::create(
      probability, {false, 0, count}, 0.0, lives, guarantee::Verify::kSample, 10000, 4);
  GINN_CHECK(made.ok());
  return *made;
}

TEST(ProtocolAttacks, SmallStakesAreTheFiniteSumOfTheGuarantee) {
  for (uint32_t lives : {1u, 2u, 4u, 16u}) {
    for (uint64_t count : {2u, 10u, 100u, 400u}) {
      const LivesGame game = game_of(sampling(0.999, count, lives), lives);
      EXPECT_EQ(game.deviations, count);
      EXPECT_NEAR(
          escape_with_stake(game, 1), guarantee::finite_escape(count, game.picked, lives), 1e-12);
      EXPECT_LE(escape_with_stake(game, 1), 0.001) << "the Poisson bound";
    }
  }
}

TEST(ProtocolAttacks, NoStrategyDoesBetterThanTheSmallestStakes) {
  for (uint32_t lives : {1u, 2u, 4u}) {
    for (uint64_t count : {2u, 10u, 100u}) {
      const LivesGame game = game_of(sampling(0.9, count, lives), lives);
      const double small = escape_with_stake(game, 1);
      EXPECT_NEAR(best_escape(game), small, 1e-12);
      EXPECT_LE(small, 0.1);
      double before = small;
      for (uint64_t stake = 2; stake <= count; stake *= 2) {
        const double escape = escape_with_stake(game, stake);
        EXPECT_LE(escape, before + 1e-12) << stake;
        before = escape;
      }
    }
  }
}

// Without checkpoints every life begins at nothing.
TEST(ProtocolAttacks, AllAtOnceIsOneTryForEachLife) {
  const LivesGame game = game_of(sampling(0.9, 50, 4), 4);
  const double once = std::pow(1.0 - game.picked, 50);
  EXPECT_NEAR(escape_with_stake(game, 50), 1.0 - std::pow(1.0 - once, 4), 1e-12);
}

TEST(ProtocolAttacks, PlayedGamesAgree) {
  for (uint32_t lives : {1u, 3u}) {
    const guarantee::Sampling s = sampling(0.9, 40, lives);
    const LivesGame game = game_of(s, lives);
    for (uint64_t stake : {1u, 7u, 40u}) {
      const PlayedGames played = play(s, game, stake, 20000, lives * 100 + stake);
      const double exact = escape_with_stake(game, stake);
      const double deviation = std::sqrt(exact * (1.0 - exact) / 20000);
      const double measured = static_cast<double>(played.escaped) / 20000;
      EXPECT_NEAR(measured, exact, 5 * deviation) << lives << " " << stake;
      EXPECT_GT(played.escaped, 100u) << "or nothing was measured";
    }
  }
}

// Contributions that are kept and shown again: n attempts have at most n times the chance of one.
TEST(ProtocolAttacks, KeptContributionsGainOneChanceForEachVerifier) {
  const guarantee::Sampling s = sampling(0.9, 40, 1);
  const LivesGame game = game_of(s, 1);
  const double one = std::pow(1.0 - game.picked, 40);
  EXPECT_NEAR(escape_of_attempts(game, 1), one, 1e-12);
  EXPECT_NEAR(escape_of_attempts(game, 3), one * (3.0 - 3.0 * one + one * one), 1e-12);
  for (uint64_t attempts : {1u, 5u}) {
    const double exact = escape_of_attempts(game, attempts);
    EXPECT_LE(exact, static_cast<double>(attempts) * 0.1);
    const PlayedGames played = play_attempts(s, game, attempts, 20000, attempts);
    const double deviation = std::sqrt(exact * (1.0 - exact) / 20000);
    EXPECT_NEAR(static_cast<double>(played.escaped) / 20000, exact, 5 * deviation) << attempts;
  }
}

// More lives than the sampling is made for: the game is lost by the verifier, and shows it.
TEST(ProtocolAttacks, UncountedLivesBreakTheGuarantee) {
  const guarantee::Sampling s = sampling(0.999, 100, 1);
  LivesGame game = game_of(s, 1);
  EXPECT_LE(best_escape(game), 0.001);
  game.lives = 10;
  EXPECT_GT(escape_with_stake(game, 1), 0.5);
}

}  // namespace
}  // namespace ginn::attack
