#include "worker/client.h"

#include <algorithm>
#include <chrono>

#include "base/caught.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/json.h"
#include "job/job.h"
#include "protocol/socket.h"

namespace ginn::worker {
namespace {

using protocol::FrameType;

Result<Verdict> parse_verdict(ByteView payload) {
  GINN_ASSIGN(const crypto::Json json, crypto::parse_json(as_text(payload)));
  Verdict verdict;
  GINN_ASSIGN(verdict.accepted, crypto::bool_field(json, "accepted"));
  GINN_ASSIGN(verdict.environment, crypto::bool_field(json, "environment"));
  GINN_ASSIGN(verdict.code, crypto::string_field(json, "code"));
  GINN_ASSIGN(verdict.message, crypto::string_field(json, "message"));
  return verdict;
}

Error refusal(const Verdict& verdict) {
  const std::string reason =
      concat(printable(verdict.code), ": ", printable(verdict.message, 1000));
  if (verdict.environment) {
    return environment_error("verifier_failed", concat("the verifier could not go on: ", reason));
  }
  return refused("verifier_refused", concat("the verifier refused the run: ", reason));
}

Error gone() {
  return environment_error("verifier_gone",
                           "the verifier ended without a verdict: its log says why");
}

Result<std::unique_ptr<protocol::Stream>> connect(const std::string& address,
                                                  const Client::Patience& patience) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kRetry = std::chrono::milliseconds(20);
  const auto deadline = Clock::now() + std::chrono::milliseconds(patience.connect_ms);
  for (;;) {
    auto stream = protocol::connect(address);
    if (stream.ok() || stream.error().kind != ErrorClass::kEnvironment) return stream;
    if (patience.connecting) GINN_TRY(patience.connecting());
    if (Clock::now() >= deadline) return stream;
    std::this_thread::sleep_for(kRetry);
  }
}

}  // namespace

Result<std::unique_ptr<Client>> Client::create(const std::string& address,
                                               const training::Training& training,
                                               const Grantor& grantor,
                                               Patience patience) {
  GINN_ASSIGN(auto stream, connect(address, patience));
  auto client = std::unique_ptr<Client>(
      new Client(training, protocol::Connection(std::move(stream)), std::move(patience)));
  GINN_TRY(client->handshake(grantor));
  client->reader_ = std::thread([raw = client.get()] { raw->read(); });
  client->sender_ = std::thread([raw = client.get()] { raw->send_queued(); });
  return client;
}

Client::Client(const training::Training& training,
               protocol::Connection connection,
               Patience patience)
    : training_(training),
      connection_(std::move(connection)),
      patience_(std::move(patience)),
      payload_bytes_(protocol::kContributionPrefixBytes +
                     training::encoded_size(training.graph())) {}

Client::~Client() {
  // A frame under way is sent to its end, so that the verifier sees a worker that hung up and no
  // garbled one; but a verifier that does not read holds up nobody for longer.
  constexpr auto kLastFrame = std::chrono::seconds(2);
  {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    if (sender_.joinable()) changed_.wait_for(lock, kLastFrame, [&] { return sender_done_; });
  }
  connection_.finish_sending();  // wakes a sender that waits for the verifier to read
  if (sender_.joinable()) sender_.join();
  if (reader_.joinable()) reader_.join();
}

Status Client::expect(FrameType due, Bytes& payload) {
  const Result<FrameType> type = connection_.receive_frame(
      {.contribution = 0, .state = 2 * sizeof(float) * training_.graph().parameter_count()},
      payload,
      patience_.waiting);
  if (!type.ok()) {
    return protocol::is_line_fault(type.error()) ? gone() : type.error();
  }
  if (*type == FrameType::kVerdict) {
    GINN_ASSIGN(const Verdict verdict, parse_verdict(payload));
    return refusal(verdict);
  }
  if (*type == due) return ok_status();
  return refused("verifier_mismatch",
                 concat("the verifier sent a ",
                        protocol::frame_name(*type),
                        " frame where a ",
                        protocol::frame_name(due),
                        " frame was due"));
}

Status Client::handshake(const Grantor& grantor) {
  ByteWriter hello;
  hello.u16(protocol::kVersion);
  hello.u16(protocol::kWantsState);
  const std::string job_text = job::canonical(training_.job());
  // A verifier that refuses may be gone before it has read all of this: its verdict is what counts.
  (void)connection_.send(FrameType::kHello, hello.view());
  (void)connection_.send(FrameType::kJob, as_bytes(job_text));
  GINN_ASSIGN(const certificate::StartRequest request, receive_request());
  evidence_ = request.evidence;
  if (request.needs_grant) {
    GINN_ASSIGN(const std::string grant, grantor(request));
    (void)connection_.send(FrameType::kGrant, as_bytes(grant));
  }
  return receive_position();
}

Result<certificate::StartRequest> Client::receive_request() {
  Bytes payload;
  GINN_TRY(expect(FrameType::kStart, payload));
  GINN_ASSIGN(certificate::StartRequest request, certificate::parse_request(as_text(payload)));
  const certificate::StartStatement& start = request.start;
  if (start.job_digest != job::digest(training_.job()) || start.nonce != training_.job().nonce) {
    return refused("verifier_mismatch", "the verifier asks leave for another job");
  }
  return request;
}

Status Client::receive_position() {
  Bytes payload;
  GINN_TRY(expect(FrameType::kReady, payload));
  ByteReader reader(payload);
  GINN_ASSIGN(start_step_, reader.u64());
  GINN_ASSIGN(start_.microbatch, reader.u32());
  if (start_step_ == 0 && start_.microbatch == 0) return ok_status();
  GINN_TRY(expect(FrameType::kState, payload));
  start_.state = std::make_unique<training::State>(training_);
  return start_.state->restore(start_step_, 0, payload, {});
}

void Client::fail(const Error& error) {
  std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
  gone_ = true;
  changed_.notify_all();
}

void Client::read() {
  const Status ended = caught([this]() -> Status {
    Bytes payload;
    const auto idle = [this]() -> Status {
      std::lock_guard lock(mutex_);
      if (stop_) return refused("stopped", "");
      return ok_status();
    };
    for (;;) {
      const Result<FrameType> type = connection_.receive_frame({}, payload, idle);
      note_frame(type, payload);
      if (!type.ok() || *type != FrameType::kStatus) return ok_status();
    }
  });
  if (!ended.ok()) fail(ended.error());
  std::lock_guard lock(mutex_);
  gone_ = true;
  read_done_ = true;
  changed_.notify_all();
}

void Client::note_frame(const Result<FrameType>& type, ByteView payload) {
  if (!type.ok()) return;
  std::lock_guard lock(mutex_);
  if (*type == FrameType::kStatus) {
    if (auto status = protocol::parse_status(payload); status.ok()) status_ = *status;
  } else if (*type == FrameType::kVerdict) {
    if (auto verdict = parse_verdict(payload); verdict.ok()) verdict_ = *verdict;
  }
}

Status Client::wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) {
  constexpr auto kEach = std::chrono::milliseconds(200);
  while (!changed_.wait_for(lock, kEach, ready)) {
    if (!patience_.waiting) continue;
    lock.unlock();
    GINN_TRY(patience_.waiting());
    lock.lock();
  }
  return ok_status();
}

size_t Client::queue_limit() const {
  constexpr size_t kBytes = size_t{256} << 20;
  return std::clamp<size_t>(kBytes / payload_bytes_, 2, 64);
}

Status Client::send(uint64_t t, uint32_t j, const training::Contribution& contribution) {
  Bytes payload;
  {
    std::unique_lock lock(mutex_);
    GINN_TRY(wait(lock, [&] { return gone_ || queue_.size() < queue_limit(); }));
    if (failure_) return *failure_;
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
  const Status ended = caught([this]() -> Status {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stop_ || gone_ || ending_ || !queue_.empty(); });
      if (stop_ || gone_) return ok_status();
      if (queue_.empty()) break;
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
    lock.unlock();
    // A verifier that has already given its verdict no longer reads.
    (void)connection_.send(FrameType::kEnd, {});
    connection_.finish_sending();
    return ok_status();
  });
  if (!ended.ok()) fail(ended.error());
  std::lock_guard lock(mutex_);
  sender_done_ = true;
  changed_.notify_all();
}

Result<Verdict> Client::wait_verdict() {
  std::unique_lock lock(mutex_);
  GINN_TRY(wait(lock, [&] { return read_done_ || failure_; }));
  if (verdict_) return *verdict_;
  return failure_ ? *failure_ : gone();
}

Result<Verdict> Client::finish() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  return wait_verdict();
}

protocol::RunStatus Client::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace ginn::worker
