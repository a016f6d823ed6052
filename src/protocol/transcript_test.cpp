#include "protocol/transcript.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::protocol {
namespace {

const crypto::Digest kJob = crypto::sha256(as_bytes("job"));
const crypto::PublicKey kKey = {1, 2, 3};

crypto::Digest state(uint64_t step) { return crypto::sha256(as_bytes(concat("state ", step))); }

std::string example(uint32_t life = 1) {
  Transcript transcript(kJob, kKey, life);
  std::string text;
  for (uint64_t step : {10, 20, 25}) text += transcript.append(step, state(step));
  return text;
}

std::string code_of(std::string_view text) {
  auto replayed = replay_transcript(text, kJob, std::array{TranscriptLife{kKey, 1}});
  return replayed.ok() ? "ok" : replayed.error().code;
}

TEST(Transcript, ChainIsTheStatedHash) {
  using namespace std::string_view_literals;
  const std::string first =
      concat("ginn transcript v1\0"sv, as_text(kJob), as_text(kKey), "\7\0\0\0"sv);
  Transcript transcript(kJob, kKey, 7);
  EXPECT_EQ(transcript.head(), crypto::sha256(as_bytes(first)));
  const std::string link =
      concat(as_text(transcript.head()), "\x2c\1\0\0\0\0\0\0"sv, as_text(state(300)));
  transcript.append(300, state(300));
  EXPECT_EQ(transcript.head(), crypto::sha256(as_bytes(link)));
  EXPECT_EQ(transcript.entries(), 1u);
  EXPECT_EQ(transcript.last_step(), 300u);
}

TEST(Transcript, ReplayGivesTheSameHead) {
  auto replayed = replay_transcript(example(), kJob, std::array{TranscriptLife{kKey, 1}});
  ASSERT_TRUE(replayed.ok()) << replayed.error().message;
  ASSERT_EQ(replayed->entries.size(), 3u);
  EXPECT_EQ(replayed->entries[2].step, 25u);
  EXPECT_EQ(replayed->entries[2].state, state(25));
  Transcript transcript(kJob, kKey, 1);
  for (uint64_t step : {10, 20, 25}) transcript.append(step, state(step));
  EXPECT_EQ(replayed->head, transcript.head());
  auto empty = replay_transcript("", kJob, std::array{TranscriptLife{kKey, 1}});
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(empty->head, Transcript(kJob, kKey, 1).head());
}

TEST(Transcript, LivesGoOn) {
  const crypto::PublicKey later = {9};
  const std::vector<TranscriptLife> lives = {{kKey, 1}, {later, 3}};
  Transcript transcript(kJob, kKey, 1);
  std::string text = transcript.append(10, state(10));
  const crypto::Digest before = transcript.head();
  Transcript resumed =
      Transcript::from(transcript.head(), transcript.entries(), transcript.last_step());
  text += resumed.append_life(later, 3);
  using namespace std::string_view_literals;
  const std::string link =
      concat("ginn transcript life v1\0"sv, as_text(before), as_text(later), "\3\0\0\0"sv);
  EXPECT_EQ(resumed.head(), crypto::sha256(as_bytes(link)));
  text += resumed.append(20, state(20));
  const auto code = [&](std::string_view lines, std::span<const TranscriptLife> given) {
    const auto replayed = replay_transcript(lines, kJob, given);
    return replayed.ok() ? "ok" : std::string(replayed.error().code);
  };
  const auto replayed = replay_transcript(text, kJob, lives);
  ASSERT_TRUE(replayed.ok()) << replayed.error().message;
  EXPECT_EQ(replayed->head, resumed.head());
  EXPECT_EQ(replayed->lines, 3u);
  EXPECT_EQ(replayed->entries.size(), 2u);
  EXPECT_EQ(code(text, std::span(lives).first(1)), "transcript_life");
  EXPECT_EQ(code(example(), lives), "transcript_life");
  EXPECT_EQ(code(text, std::vector<TranscriptLife>{{kKey, 1}, {later, 2}}), "transcript_life");
  EXPECT_EQ(code(text, std::vector<TranscriptLife>{{kKey, 1}, {kKey, 3}}), "transcript_life");
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_NE(code(changed, lives), "ok") << at;
  }
}

TEST(Transcript, BoundToJobKeyAndLife) {
  const std::string text = example();
  EXPECT_STREQ(replay_transcript(text, state(0), std::array{TranscriptLife{kKey, 1}}).error().code,
               "transcript_head");
  EXPECT_STREQ(replay_transcript(text, kJob, std::array{TranscriptLife{crypto::PublicKey{}, 1}})
                   .error()
                   .code,
               "transcript_head");
  EXPECT_STREQ(replay_transcript(text, kJob, std::array{TranscriptLife{kKey, 2}}).error().code,
               "transcript_head");
}

TEST(Transcript, EveryFlippedByteIsRefused) {
  const std::string text = example();
  for (size_t at = 0; at < text.size(); ++at) {
    for (int mask : {0x01, 0x20}) {
      std::string changed = text;
      changed[at] = static_cast<char>(changed[at] ^ mask);
      EXPECT_NE(code_of(changed), "ok") << at;
    }
  }
}

TEST(Transcript, HostileForms) {
  const std::string text = example();
  EXPECT_EQ(code_of(text.substr(0, text.size() - 1)), "transcript_line");
  EXPECT_EQ(code_of(text + "\n"), "transcript_line");
  EXPECT_EQ(code_of("{}\n"), "transcript_line");
  const auto with_step = [](std::string_view step) {
    std::string line = transcript_line(3, state(3), kJob);
    return line.replace(9, 1, step);
  };
  for (const char* step : {"", "-1", "+3", "03", " 3", "3 ", "18446744073709551616", "3.0"}) {
    EXPECT_EQ(code_of(with_step(step)), "transcript_line") << step;
  }
  EXPECT_EQ(code_of(transcript_line(3, state(3), kJob)), "transcript_head");
  EXPECT_EQ(code_of(transcript_line(0, state(3), kJob)), "transcript_order");
  EXPECT_EQ(code_of(text + transcript_line(25, state(1), kJob)), "transcript_order");
  EXPECT_EQ(code_of(std::string(kMaxTranscriptBytes + 1, ' ')), "transcript_too_large");
}

TEST(TranscriptDeathTest, StepsAscend) {
  Transcript transcript(kJob, kKey, 1);
  transcript.append(5, state(5));
  EXPECT_DEATH(transcript.append(5, state(5)), "last_step_");
}

}  // namespace
}  // namespace ginn::protocol
