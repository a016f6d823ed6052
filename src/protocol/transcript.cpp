#include "protocol/transcript.h"

#include <array>
#include <charconv>

#include "base/text.h"

namespace ginn::protocol {
namespace {

constexpr std::string_view kStepPrefix = "{\"step\":\"";
constexpr std::string_view kStatePrefix = "\",\"state\":\"";
constexpr std::string_view kHeadPrefix = "\",\"head\":\"";
constexpr size_t kTaggedDigestBytes = 7 + 64;  // "sha256:" and the digits

struct Line {
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

// A line with its newline; only the form that transcript_line writes.
Result<Line> parse_line(const std::string_view line) {
  const Error bad = input_error("transcript_line", "");
  std::string_view rest = line;
  Line parsed;
  if (!skip(rest, kStepPrefix)) return bad;
  const auto number = std::from_chars(rest.data(), rest.data() + rest.size(), parsed.entry.step);
  if (number.ec != std::errc{}) return bad;
  rest.remove_prefix(static_cast<size_t>(number.ptr - rest.data()));
  if (!skip(rest, kStatePrefix)) return bad;
  GINN_ASSIGN(parsed.entry.state, take_digest(rest));
  if (!skip(rest, kHeadPrefix)) return bad;
  GINN_ASSIGN(parsed.head, take_digest(rest));
  // Also catches leading zeros, and whatever follows the head.
  if (transcript_line(parsed.entry.step, parsed.entry.state, parsed.head) != line) return bad;
  return parsed;
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

Result<ReplayedTranscript> replay_transcript(std::string_view text,
                                             const crypto::Digest& job_digest,
                                             const crypto::PublicKey& key,
                                             uint32_t life) {
  if (text.size() > kMaxTranscriptBytes) {
    return input_error(
        "transcript_too_large",
        concat(
            "transcript of ", text.size(), " bytes; at most ", kMaxTranscriptBytes, " are read"));
  }
  Transcript chain(job_digest, key, life);
  ReplayedTranscript result;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t newline = text.find('\n');
    const std::string_view line =
        newline == std::string_view::npos ? text : text.substr(0, newline + 1);
    text.remove_prefix(line.size());
    auto parsed = parse_line(line);
    if (!parsed.ok()) {
      return line_error("transcript_line",
                        number,
                        "expected {\"step\":\"N\",\"state\":\"sha256:..\",\"head\":\"sha256:..\"} "
                        "and a newline, nothing else");
    }
    if (parsed->entry.step <= chain.last_step()) {
      return line_error("transcript_order",
                        number,
                        concat("step ", parsed->entry.step, " after step ", chain.last_step()));
    }
    chain.append(parsed->entry.step, parsed->entry.state);
    if (parsed->head != chain.head()) {
      return line_error("transcript_head",
                        number,
                        concat("head is ",
                               crypto::tagged(parsed->head),
                               ", recomputed ",
                               crypto::tagged(chain.head())));
    }
    result.entries.push_back(parsed->entry);
  }
  result.head = chain.head();
  return result;
}

}  // namespace ginn::protocol
