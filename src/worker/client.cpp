#include "worker/client.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/json.h"
#include "job/job.h"

namespace ginn::worker {
namespace {

using protocol::FrameType;

Result<Verdict> parse_verdict(ByteView payload) {
  GINN_ASSIGN(const crypto::Json json, crypto::parse_json(as_text(payload)));
  Verdict verdict;
  GINN_ASSIGN(verdict.accepted, crypto::bool_field(json, "accepted"));
  GINN_ASSIGN(verdict.code, crypto::string_field(json, "code"));
  GINN_ASSIGN(verdict.message, crypto::string_field(json, "message"));
  return verdict;
}

Error refusal(const Verdict& verdict) {
  return refused("verifier_refused",
                 concat("the verifier refused the run: ",
                        printable(verdict.code),
                        ": ",
                        printable(verdict.message, 1000)));
}

}  // namespace

Result<std::unique_ptr<Client>> Client::create(const std::string& address,
                                               const training::Training& training,
                                               const Grantor& grantor,
                                               int patience_ms) {
  constexpr int kRetryMs = 20;
  Result<protocol::Connection> connection = protocol::connect(address);
  for (int waited = 0; !connection.ok() && waited < patience_ms; waited += kRetryMs) {
    if (connection.error().kind != ErrorClass::kEnvironment) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMs));
    connection = protocol::connect(address);
  }
  if (!connection.ok()) return connection.error();
  auto client = std::unique_ptr<Client>(new Client(training, std::move(*connection)));
  GINN_TRY(client->handshake(grantor));
  client->reader_ = std::thread([raw = client.get()] { raw->read(); });
  client->sender_ = std::thread([raw = client.get()] { raw->send_queued(); });
  return client;
}

Client::Client(const training::Training& training, protocol::Connection connection)
    : training_(training),
      connection_(std::move(connection)),
      payload_bytes_(protocol::kContributionPrefixBytes +
                     training::encoded_size(training.graph())) {}

Client::~Client() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  connection_.finish_sending();  // wakes a sender that waits for the verifier to read
  if (sender_.joinable()) sender_.join();
  if (reader_.joinable()) reader_.join();
}

Status Client::handshake(const Grantor& grantor) {
  ByteWriter hello;
  hello.u16(protocol::kVersion);
  hello.u16(0);
  GINN_TRY(connection_.send(FrameType::kHello, hello.view()));
  const std::string job_text = job::canonical(training_.job());
  GINN_TRY(connection_.send(FrameType::kJob, as_bytes(job_text)));

  Bytes payload;
  auto expect = [&](FrameType due) -> Status {
    GINN_ASSIGN(const FrameType type, connection_.receive_frame(0, payload, nullptr));
    if (type == FrameType::kVerdict) {
      GINN_ASSIGN(const Verdict verdict, parse_verdict(payload));
      return refusal(verdict);
    }
    if (type != due) {
      return refused("verifier_mismatch",
                     concat("the verifier sent a ",
                            protocol::frame_name(type),
                            " frame where a ",
                            protocol::frame_name(due),
                            " frame was due"));
    }
    return ok_status();
  };
  GINN_TRY(expect(FrameType::kStart));
  GINN_ASSIGN(const crypto::Json json, crypto::parse_json(as_text(payload)));
  certificate::StartStatement start;
  GINN_ASSIGN(start.nonce, crypto::string_field(json, "nonce"));
  GINN_ASSIGN(const std::string digest, crypto::string_field(json, "jobDigest"));
  GINN_ASSIGN(start.job_digest, crypto::parse_tagged(digest));
  GINN_ASSIGN(const std::string key, crypto::string_field(json, "verifierKey"));
  GINN_ASSIGN(start.verifier_key, certificate::parse_key(key));
  GINN_ASSIGN(const double life, crypto::number_field(json, "life"));
  start.life = life >= 1.0 && life <= 64.0 ? static_cast<uint32_t>(life) : 0;
  if (start.job_digest != job::digest(training_.job()) || start.nonce != training_.job().nonce) {
    return refused("verifier_mismatch", "the verifier asks leave for another job");
  }
  GINN_ASSIGN(const std::string grant, grantor(start));
  GINN_TRY(connection_.send(FrameType::kGrant, as_bytes(grant)));
  return expect(FrameType::kReady);
}

void Client::read() {
  Bytes payload;
  auto idle = [this]() -> Status {
    std::lock_guard lock(mutex_);
    if (stop_) return refused("stopped", "");
    return ok_status();
  };
  for (;;) {
    const Result<FrameType> type = connection_.receive_frame(0, payload, idle);
    std::lock_guard lock(mutex_);
    if (type.ok() && *type == FrameType::kStatus) {
      if (auto status = protocol::parse_status(payload); status.ok()) status_ = *status;
      continue;
    }
    if (type.ok() && *type == FrameType::kVerdict) {
      if (auto verdict = parse_verdict(payload); verdict.ok()) verdict_ = *verdict;
    }
    gone_ = true;
    read_done_ = true;
    changed_.notify_all();
    return;
  }
}

size_t Client::queue_limit() const {
  constexpr size_t kBytes = size_t{256} << 20;
  return std::clamp<size_t>(kBytes / payload_bytes_, 2, 64);
}

Status Client::send(uint64_t t, uint32_t j, const training::Contribution& contribution) {
  Bytes payload;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gone_ || queue_.size() < queue_limit(); });
    if (gone_) return refused("verifier_stopped", "the verifier has ended the run");
    if (!spare_.empty()) {
      payload = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  payload.resize(payload_bytes_);
  constexpr size_t kPrefix = protocol::kContributionPrefixBytes;
  const std::span<uint8_t> bytes(payload);
  protocol::write_prefix({t, j}, bytes.first<kPrefix>());
  training::encode(training_.graph(), contribution, bytes.subspan(kPrefix));
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(payload));
  }
  changed_.notify_all();
  return ok_status();
}

void Client::send_queued() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || gone_ || !queue_.empty(); });
    if (stop_ || gone_) return;
    // References into a deque stay valid while others are pushed at its end.
    const Bytes& payload = queue_.front();
    lock.unlock();
    const bool sent = connection_.send(FrameType::kContribution, payload).ok();
    lock.lock();
    spare_.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (!sent) gone_ = true;
    changed_.notify_all();
  }
}

Result<Verdict> Client::wait_verdict() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return read_done_; });
  if (!verdict_) {
    return environment_error("verifier_gone",
                             "the verifier ended without a verdict: its log says why");
  }
  return *verdict_;
}

Result<Verdict> Client::finish() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gone_ || queue_.empty(); });
  }
  // A verifier that has already given its verdict no longer reads.
  (void)connection_.send(FrameType::kEnd, {});
  connection_.finish_sending();
  return wait_verdict();
}

std::optional<Verdict> Client::early_verdict() {
  const Result<Verdict> verdict = wait_verdict();
  if (!verdict.ok()) return std::nullopt;
  return *verdict;
}

protocol::RunStatus Client::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace ginn::worker
