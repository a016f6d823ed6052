#include "tests/end_to_end/lab.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "certificate/issue/format.h"
#include "certificate/issue/grant.h"
#include "crypto/json.h"

namespace ginn::test {

using protocol::FrameType;

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "ginn-e2e-XXXXXX").string();
  GINN_CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

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
  Honest honest;
  honest.records = synthetic_records({});
  honest.job = synthetic_job(*honest.records, model);
  honest.job.epochs = epochs;
  if (coverage == Coverage::kAll) honest.job.verify = guarantee::Verify::kAll;
  derive_steps(honest.job);
  GINN_CHECK(job::validate(honest.job).empty());
  auto training = training::Training::create(honest.job, best_level());
  GINN_CHECK(training.ok());
  honest.training = std::move(*training);
  const auto& maps = honest.training->maps();
  training::State state(honest.training->graph(), honest.job);
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

verifier::Options options(const std::filesystem::path& records,
                          const std::filesystem::path& out,
                          VerifierThread::Coin coin,
                          size_t threads) {
  verifier::Options o;
  o.records = records;
  o.out = out;
  o.threads = threads;
  o.level = best_level();
  o.coin = std::move(coin);
  return o;
}

std::filesystem::path write_records(const Honest& honest, const Folder& folder) {
  const auto path = folder / "records.bin";
  write(path, honest.records->bytes());
  return path;
}

VerifierThread::VerifierThread(verifier::Options options,
                               std::function<Result<protocol::Connection>()> connection)
    : thread_([this, options = std::move(options), connection = std::move(connection)] {
        auto made = connection();
        if (!made.ok()) {
          outcome_.emplace(made.error());
          return;
        }
        verifier::Session session(options, std::move(*made));
        outcome_.emplace(session.run());
      }) {}

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
                     size_t threads)
    : honest_(honest) {
  int pair[2];
  GINN_CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  descriptor_ = pair[0];
  connection_ = std::make_unique<protocol::Connection>(::dup(pair[0]));
  verifier_ = std::make_unique<VerifierThread>(
      options(records, out, std::move(coin), threads),
      [other = pair[1]]() -> Result<protocol::Connection> { return protocol::Connection(other); });
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

void RawWorker::frame(FrameType type, ByteView payload) {
  bytes(protocol::frame_header(type, static_cast<uint32_t>(payload.size())));
  bytes(payload);
}

void RawWorker::hello(uint16_t version, uint16_t reserved) {
  ByteWriter writer;
  writer.u16(version);
  writer.u16(reserved);
  frame(FrameType::kHello, writer.view());
}

void RawWorker::job(std::string_view text) { frame(FrameType::kJob, as_bytes(text)); }

std::optional<certificate::StartStatement> RawWorker::start() {
  Bytes payload;
  const auto type = connection_->receive_frame(0, payload, nullptr);
  if (!type.ok() || *type != FrameType::kStart) return std::nullopt;
  const auto json = crypto::parse_json(as_text(payload));
  if (!json.ok()) return std::nullopt;
  const auto key = crypto::string_field(*json, "verifierKey");
  certificate::StartStatement start;
  start.nonce = honest_.job.nonce;
  start.job_digest = job::digest(honest_.job);
  start.life = verifier::kLife;
  if (!key.ok()) return std::nullopt;
  start.verifier_key = certificate::parse_key(*key).value();
  return start;
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
  const auto type = connection_->receive_frame(0, payload, nullptr);
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
    const auto type = connection_->receive_frame(0, payload, nullptr);
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
                         const Folder& folder,
                         VerifierThread::Coin coin,
                         size_t worker_threads,
                         size_t verifier_threads,
                         const Tamper& tamper) {
  const auto out = folder / "run";
  std::filesystem::create_directory(out);
  const std::string address = "unix:" + (folder / "s").string();
  auto listener = protocol::Listener::create(address);
  GINN_CHECK(listener.ok());
  VerifierThread verifier(
      options(write_records(honest, folder), out, std::move(coin), verifier_threads),
      [&] { return listener->accept(nullptr); });
  auto client = worker::Client::create(address, *honest.training, sign_grant, {.connect_ms = 5000});
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
