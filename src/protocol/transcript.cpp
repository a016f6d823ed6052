#include "protocol/transcript.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "base/version.h"

namespace ginn::protocol {
namespace {

constexpr std::string_view kStepPrefix = "{\"step\":\"";
constexpr std::string_view kStatePrefix = "\",\"state\":\"";
constexpr std::string_view kHeadPrefix = "\",\"head\":\"";
constexpr std::string_view kLifePrefix = "{\"life\":\"";
constexpr std::string_view kKeyPrefix = "\",\"key\":\"";
constexpr size_t kTaggedDigestBytes = 7 + 64;  // "sha256:" and the digits
constexpr size_t kKeyDigits = 64;

struct Line {
  std::optional<TranscriptLife> life;  // or an entry
  TranscriptEntry entry;
  crypto::Digest head;
};

template <typename T>
std::array<uint8_t, sizeof(T)> little_endian(T value) {
  std::array<uint8_t, sizeof(T)> bytes;
  for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
  return bytes;
}

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Result<crypto::Digest> take_digest(std::string_view& text) {
  const std::string_view digest = text.substr(0, kTaggedDigestBytes);
  text.remove_prefix(digest.size());
  return crypto::parse_tagged(digest);
}

template <typename T>
bool take_number(std::string_view& text, T& out) {
  const auto number = std::from_chars(text.data(), text.data() + text.size(), out);
  if (number.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<size_t>(number.ptr - text.data()));
  return true;
}

// Only the form that life_line writes.
Result<Line> parse_life_line(const std::string_view line) {
  const Error bad = input_error("transcript_line", "");
  std::string_view rest = line;
  Line parsed;
  TranscriptLife life;
  if (!skip(rest, kLifePrefix) || !take_number(rest, life.life)) return bad;
  if (!skip(rest, kKeyPrefix) || rest.size() < kKeyDigits) return bad;
  GINN_ASSIGN(const Bytes key, from_hex(rest.substr(0, kKeyDigits)));
  std::copy(key.begin(), key.end(), life.key.begin());
  rest.remove_prefix(kKeyDigits);
  if (!skip(rest, kHeadPrefix)) return bad;
  GINN_ASSIGN(parsed.head, take_digest(rest));
  if (life_line(life.life, life.key, parsed.head) != line) return bad;
  parsed.life = life;
  return parsed;
}

// A line with its newline; only the forms that transcript_line and life_line write.
Result<Line> parse_line(const std::string_view line) {
  if (line.starts_with(kLifePrefix)) return parse_life_line(line);
  const Error bad = input_error("transcript_line", "");
  std::string_view rest = line;
  Line parsed;
  if (!skip(rest, kStepPrefix)) return bad;
  if (!take_number(rest, parsed.entry.step)) return bad;
  if (!skip(rest, kStatePrefix)) return bad;
  GINN_ASSIGN(parsed.entry.state, take_digest(rest));
  if (!skip(rest, kHeadPrefix)) return bad;
  GINN_ASSIGN(parsed.head, take_digest(rest));
  // Also catches leading zeros, and whatever follows the head.
  if (transcript_line(parsed.entry.step, parsed.entry.state, parsed.head) != line) return bad;
  return parsed;
}

// Version 1 has no line of its own: the chain's first hash names it. A later one begins with one.
constexpr uint32_t kTranscriptVersion = 1;

Status check_version(std::string_view text) {
  const std::string_view first = text.substr(0, std::min<size_t>(text.find('\n'), 64));
  return refuse_newer("transcript_version",
                      "transcript",
                      version_in(first, "{\"ginn\":\"transcript/v", "\"}"),
                      kTranscriptVersion);
}

Error line_error(const char* code, size_t number, std::string_view what) {
  return input_error(code, concat("transcript line ", number, ": ", what));
}

}  // namespace

Transcript::Transcript(const crypto::Digest& job_digest,
                       const crypto::PublicKey& key,
                       uint32_t life) {
  constexpr std::string_view kDomain("ginn transcript v1\0", 19);
  crypto::Sha256 first;
  first.update(as_bytes(kDomain)).update(job_digest).update(key);
  head_ = first.update(little_endian(life)).finish();
}

std::string Transcript::append(uint64_t step, const crypto::Digest& state) {
  GINN_CHECK(step > last_step_);
  crypto::Sha256 link;
  head_ = link.update(head_).update(little_endian(step)).update(state).finish();
  last_step_ = step;
  ++entries_;
  return transcript_line(step, state, head_);
}

std::string Transcript::append_life(const crypto::PublicKey& key, uint32_t life) {
  constexpr std::string_view kDomain("ginn transcript life v1\0", 24);
  crypto::Sha256 link;
  link.update(as_bytes(kDomain)).update(head_).update(key);
  head_ = link.update(little_endian(life)).finish();
  ++entries_;
  return life_line(life, key, head_);
}

std::string life_line(uint32_t life, const crypto::PublicKey& key, const crypto::Digest& head) {
  return concat(
      kLifePrefix, life, kKeyPrefix, to_hex(key), kHeadPrefix, crypto::tagged(head), "\"}\n");
}

std::string transcript_line(uint64_t step,
                            const crypto::Digest& state,
                            const crypto::Digest& head) {
  return concat(kStepPrefix,
                step,
                kStatePrefix,
                crypto::tagged(state),
                kHeadPrefix,
                crypto::tagged(head),
                "\"}\n");
}

namespace {

Error head_error(size_t number, const crypto::Digest& found, const crypto::Digest& computed) {
  return line_error(
      "transcript_head",
      number,
      concat("head is ", crypto::tagged(found), ", recomputed ", crypto::tagged(computed)));
}

// Adds what the line says to the chain. `next_life` counts the lives that have begun.
Status follow(const Line& line,
              size_t number,
              std::span<const TranscriptLife> lives,
              size_t& next_life,
              Transcript& chain) {
  if (line.life) {
    if (next_life == lives.size() || lives[next_life] != *line.life) {
      return line_error(
          "transcript_life", number, concat("life ", line.life->life, " has no grant here"));
    }
    ++next_life;
    chain.append_life(line.life->key, line.life->life);
  } else {
    if (line.entry.step <= chain.last_step()) {
      return line_error("transcript_order",
                        number,
                        concat("step ", line.entry.step, " after step ", chain.last_step()));
    }
    chain.append(line.entry.step, line.entry.state);
  }
  return line.head == chain.head() ? ok_status() : head_error(number, line.head, chain.head());
}

}  // namespace

Result<ReplayedTranscript> replay_transcript(std::string_view text,
                                             const crypto::Digest& job_digest,
                                             std::span<const TranscriptLife> lives) {
  if (text.size() > kMaxTranscriptBytes) {
    return input_error(
        "transcript_too_large",
        concat(
            "transcript of ", text.size(), " bytes; at most ", kMaxTranscriptBytes, " are read"));
  }
  GINN_TRY(check_version(text));
  GINN_CHECK(!lives.empty());
  Transcript chain(job_digest, lives[0].key, lives[0].life);
  size_t next_life = 1;
  ReplayedTranscript result;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t newline = text.find('\n');
    const std::string_view line =
        newline == std::string_view::npos ? text : text.substr(0, newline + 1);
    text.remove_prefix(line.size());
    const auto parsed = parse_line(line);
    if (!parsed.ok()) {
      return line_error("transcript_line",
                        number,
                        "expected {\"step\":\"N\",\"state\":\"sha256:..\",\"head\":\"sha256:..\"} "
                        "or {\"life\":\"N\",\"key\":\"..\",\"head\":\"sha256:..\"} and a newline, "
                        "nothing else");
    }
    GINN_TRY(follow(*parsed, number, lives, next_life, chain));
    if (!parsed->life) result.entries.push_back(parsed->entry);
  }
  if (next_life != lives.size()) {
    return input_error(
        "transcript_life",
        concat(
            "life ", lives[next_life].life, " was granted, but the transcript has no line of it"));
  }
  result.head = chain.head();
  result.lines = chain.entries();
  return result;
}

}  // namespace ginn::protocol
