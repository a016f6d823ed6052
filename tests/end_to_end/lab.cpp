#include "tests/end_to_end/lab.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "attest/produce/attester.h"
#include "base/crc32c.h"
#include "base/folder.h"
#include "certificate/issue/format.h"
#include "certificate/issue/grant.h"
#include "crypto/json.h"

namespace ginn::test {

using protocol::FrameType;

Bytes contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

void write(const std::filesystem::path& path, ByteView bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  GINN_CHECK(file.good());
}

void flip(const std::filesystem::path& path, size_t at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 1));
  GINN_CHECK(file.good());
}

device::Level best_level() {
  auto level = device::choose_level();
  GINN_CHECK(level.ok());
  return *level;
}

Bytes encoded(const Honest& honest,
              uint64_t t,
              uint32_t j,
              const training::Contribution& contribution) {
  const nn::Graph& graph = honest.training->graph();
  constexpr size_t kPrefix = protocol::kContributionPrefixBytes;
  Bytes payload(kPrefix + training::encoded_size(graph));
  const std::span<uint8_t> out(payload);
  protocol::write_prefix({t, j}, out.first<kPrefix>());
  training::encode(graph, contribution, out.subspan(kPrefix));
  return payload;
}

training::Contribution decoded(const Honest& honest, ByteView payload) {
  training::Contribution contribution(honest.training->graph());
  GINN_CHECK(training::decode(honest.training->graph(),
                              honest.training->maps(),
                              payload.subspan(protocol::kContributionPrefixBytes),
                              contribution)
                 .ok());
  return contribution;
}

Honest honest_run(Coverage coverage, const std::string& model, uint32_t epochs) {
  auto records = synthetic_records({});
  job::Job job = synthetic_job(*records, model);
  job.epochs = epochs;
  if (coverage == Coverage::kAll) job.verify = guarantee::Verify::kAll;
  derive_steps(job);
  return honest_run_of(job, std::move(records));
}

Honest honest_run_of(const job::Job& job,
                     std::unique_ptr<data::MemoryRecords> records,
                     const training::WeightsReader& weights_reader) {
  Honest honest;
  honest.records = std::move(records);
  honest.job = job;
  GINN_CHECK(job::validate(honest.job).empty());
  auto training = training::Training::create(honest.job, best_level(), weights_reader);
  GINN_CHECK(training.ok());
  honest.training = std::move(*training);
  const auto& maps = honest.training->maps();
  training::State state(*honest.training);
  const auto workspace = honest.training->workspace();
  training::Contribution contribution(honest.training->graph());
  for (uint64_t t = 0; t < honest.job.steps; ++t) {
    honest.weights.emplace_back(state.weights(), state.weights() + state.parameter_count());
    const auto weights = honest.training->prepare(state.weights());
    GINN_CHECK(weights.ok());
    for (uint32_t j = 0; j < honest.job.microbatches(); ++j) {
      GINN_CHECK(
          honest.training->contribution(*honest.records, *weights, t, j, *workspace, contribution)
              .ok());
      honest.payloads.push_back(encoded(honest, t, j, contribution));
      state.add(maps, contribution);
    }
    GINN_CHECK(state.apply(maps).ok());
  }
  ThreadPool pool(1);
  const auto statistics =
      honest.training->running_statistics(*honest.records, state.weights(), pool);
  GINN_CHECK(statistics.ok());
  honest.model = honest.training->model_file(state.weights(), *statistics);
  return honest;
}

Bytes train_alone(const job::Job& job,
                  const data::RecordSource& records,
                  size_t threads,
                  device::Level level) {
  auto training = training::Training::create(job, level);
  GINN_CHECK(training.ok());
  ThreadPool pool(threads);
  const auto state = worker::train(**training, records, pool, {});
  GINN_CHECK(state.ok());
  const auto statistics = (*training)->running_statistics(records, (*state)->weights(), pool);
  GINN_CHECK(statistics.ok());
  return (*training)->model_file((*state)->weights(), *statistics);
}

std::filesystem::path write_records(const Honest& honest, const TemporaryFolder& folder) {
  const auto path = folder / "records.bin";
  write(path, honest.records->bytes());
  return path;
}

Result<std::unique_ptr<protocol::Stream>> ListedStreams::accept(const protocol::Idle&) {
  if (left_.empty()) return environment_error("cannot_listen", "nobody comes any more");
  const int descriptor = left_.front();
  left_.erase(left_.begin());
  return protocol::socket_stream(descriptor);
}

namespace {

// Records on disk, with a test's hook before each is read.
class WatchedRecords final : public data::RecordSource {
 public:
  WatchedRecords(std::unique_ptr<data::RecordSource> records, std::function<void()> reading)
      : records_(std::move(records)), reading_(std::move(reading)) {}
  const data::DatasetFacts& facts() const override { return records_->facts(); }
  Status read(uint64_t index, std::span<uint8_t> out) const override {
    if (reading_) reading_();
    return records_->read(index, out);
  }

 private:
  const std::unique_ptr<data::RecordSource> records_;
  const std::function<void()> reading_;
};

Result<verifier::Outcome> serve(const VerifierOptions& options) {
  DiskFolder folder(options.out);
  const auto attester =
      attest::simulated_attester(crypto::Digest{},
                                 {[&] { return folder.read(attest::kSimulatedCounterFile, 64); },
                                  [&](ByteView value) -> Status {
                                    if (options.counter_fails)
                                      return environment_error("write_failed", "the counter fails");
                                    return folder.write(attest::kSimulatedCounterFile, value);
                                  }});
  verifier::Host host;
  host.acceptor = options.acceptor.get();
  host.folder = &folder;
  host.attester = attester.get();
  host.coin = options.coin;
  host.seconds = options.seconds ? options.seconds : [] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
  };
  host.stop = options.stop;
  host.log = options.log;
  host.publish = options.publish;
  host.weights = options.weights;
  host.records =
      [&](const data::DatasetFacts& facts) -> Result<std::unique_ptr<data::RecordSource>> {
    GINN_ASSIGN(auto records, verifier::records_on_disk(options.records)(facts));
    return std::unique_ptr<data::RecordSource>(
        std::make_unique<WatchedRecords>(std::move(records), options.reading));
  };
  host.replays = verifier::replay_threads(options.threads);
  host.threads = options.threads;
  host.level = best_level();
  return verifier::Session(std::move(host), options.run).run();
}

}  // namespace

VerifierThread::VerifierThread(VerifierOptions options)
    : thread_([this, options = std::move(options)] { outcome_.emplace(serve(options)); }) {}

VerifierThread::~VerifierThread() {
  if (thread_.joinable()) thread_.join();
}

const Result<verifier::Outcome>& VerifierThread::outcome() {
  if (thread_.joinable()) thread_.join();
  return *outcome_;
}

std::string VerifierThread::code() {
  const auto& o = outcome();
  return o.ok() ? o->code : o.error().code;
}

RawWorker::RawWorker(const Honest& honest,
                     const std::filesystem::path& records,
                     const std::filesystem::path& out,
                     VerifierThread::Coin coin,
                     size_t threads,
                     std::function<void()> reading)
    : RawWorker(honest,
                {.records = records,
                 .out = out,
                 .coin = std::move(coin),
                 .threads = threads,
                 .acceptor = nullptr,
                 .run = {},
                 .reading = std::move(reading),
                 .log = {},
                 .publish = nullptr,
                 .weights = nullptr}) {}

RawWorker::RawWorker(const Honest& honest, VerifierOptions options) : honest_(honest) {
  int pair[2];
  GINN_CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  descriptor_ = pair[0];
  connection_ = std::make_unique<protocol::Connection>(protocol::socket_stream(::dup(pair[0])));
  options.acceptor = std::make_shared<ListedStreams>(std::vector<int>{pair[1]});
  verifier_ = std::make_unique<VerifierThread>(std::move(options));
}

RawWorker::~RawWorker() {
  (void)code();
  ::close(descriptor_);
}

void RawWorker::bytes(ByteView bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;  // the verifier has hung up: its code says why
    sent += static_cast<size_t>(n);
  }
}

void RawWorker::frame(FrameType type, ByteView payload) { bytes(framed(type, payload)); }

Bytes RawWorker::framed(FrameType type, ByteView payload) {
  return framed({type, static_cast<uint32_t>(payload.size()), 0, 0}, payload);
}

Bytes RawWorker::framed(protocol::FrameHeader header, ByteView payload) {
  header.sequence = sequence_++;
  header.checksum = crc32c(payload);
  ByteWriter out;
  out.bytes(protocol::frame_header(header));
  out.bytes(payload);
  return out.finish();
}

void RawWorker::hello(uint16_t version, uint16_t flags) {
  ByteWriter writer;
  writer.u16(version);
  writer.u16(flags);
  frame(FrameType::kHello, writer.view());
}

void RawWorker::job(std::string_view text) { frame(FrameType::kJob, as_bytes(text)); }

std::optional<certificate::StartStatement> RawWorker::start() {
  Bytes payload;
  const auto type = connection_->receive_frame({}, payload, nullptr);
  if (!type.ok() || *type != FrameType::kStart) return std::nullopt;
  const auto request = certificate::parse_request(as_text(payload));
  if (!request.ok()) return std::nullopt;
  return request->start;
}

Result<std::string> sign_grant(const certificate::StartStatement& start) {
  GINN_ASSIGN(const crypto::SigningKey owner, crypto::SigningKey::from_seed(Bytes(32, 5)));
  return certificate::issue_grant(owner, start, true);
}

void RawWorker::grant(const certificate::StartStatement& start) {
  frame(FrameType::kGrant, as_bytes(sign_grant(start).value()));
}

bool RawWorker::ready() {
  Bytes payload;
  const auto type = connection_->receive_frame({}, payload, nullptr);
  if (!type.ok() || *type != FrameType::kReady) return false;
  // From here on somebody reads, so that the verifier's words never fill the socket.
  reader_ = std::thread([this] { listen(); });
  return true;
}

bool RawWorker::shake_hands() {
  hello();
  job(job::canonical(honest_.job));
  const auto asked = start();
  if (!asked) return false;
  grant(*asked);
  return ready();
}

void RawWorker::contributions(uint64_t begin, uint64_t end) {
  for (uint64_t i = begin; i < end; ++i) contribution(i);
}

void RawWorker::listen() {
  Bytes payload;
  for (;;) {
    const auto type = connection_->receive_frame({}, payload, nullptr);
    if (!type.ok()) return;
    if (*type == FrameType::kStatus) {
      const auto status = protocol::parse_status(payload);
      if (status.ok()) most_queued_ = std::max(most_queued_, status->replays_queued);
    } else if (*type == FrameType::kVerdict) {
      const auto json = crypto::parse_json(as_text(payload));
      if (!json.ok()) continue;
      verdict_ = crypto::string_field(*json, "code").value();
      environment_ = crypto::bool_field(*json, "environment").value();
    }
  }
}

void RawWorker::finish_sending() { ::shutdown(descriptor_, SHUT_WR); }

std::string RawWorker::code() {
  finish_sending();
  const std::string code = verifier_->code();
  if (reader_.joinable()) reader_.join();
  return code;
}

std::string verified_run(const Honest& honest,
                         const TemporaryFolder& folder,
                         VerifierThread::Coin coin,
                         size_t worker_threads,
                         size_t verifier_threads,
                         const Tamper& tamper) {
  const auto out = folder / "run";
  std::filesystem::create_directory(out);
  const std::string address = "unix:" + (folder / "s").string();
  auto listener = protocol::Listener::create(address);
  GINN_CHECK(listener.ok());
  VerifierOptions options;
  options.records = write_records(honest, folder);
  options.out = out;
  options.coin = std::move(coin);
  options.threads = verifier_threads;
  options.acceptor = std::make_shared<protocol::Listener>(std::move(*listener));
  VerifierThread verifier(std::move(options));
  const auto sign = [](const certificate::StartRequest& asked) { return sign_grant(asked.start); };
  auto client = worker::Client::create(address, *honest.training, sign, {.connect_ms = 5000});
  GINN_CHECK(client.ok());
  worker::Hooks hooks;
  hooks.contribution = [&](uint64_t t, uint32_t j, training::Contribution& c) {
    if (tamper) tamper(t, j, c);
    return (*client)->send(t, j, c);
  };
  ThreadPool pool(worker_threads);
  const auto state = worker::train(*honest.training, *honest.records, pool, hooks);
  if (state.ok()) {
    const auto verdict = (*client)->finish();
    GINN_CHECK(verdict.ok());
    GINN_CHECK(verdict->code == verifier.code());
  }
  return verifier.code();
}

}  // namespace ginn::test
