#include "verifier/host.h"

#include "base/file.h"
#include "verifier/replay.h"

namespace ginn::verifier {

std::function<Result<std::unique_ptr<data::RecordSource>>(const data::DatasetFacts&)>
records_on_disk(const std::filesystem::path& path) {
  return [path](const data::DatasetFacts& facts) -> Result<std::unique_ptr<data::RecordSource>> {
    auto records = data::FileRecords::create(facts, path);
    if (records.ok()) return std::unique_ptr<data::RecordSource>(std::move(*records));
    Error error = records.error();
    const bool unreadable = std::string_view(error.code) == "record_unreadable";
    if (unreadable) error.kind = ErrorClass::kEnvironment;
    return error;
  };
}

training::WeightsReader weights_on_disk(const std::filesystem::path& path) {
  return [path](uint64_t limit) -> Result<Bytes> {
    auto bytes = read_file(path, limit);
    if (bytes.ok()) return bytes;
    return environment_error(bytes.error().code, bytes.error().message);
  };
}

std::function<std::unique_ptr<ReplayQueue>(const training::Training&, const data::RecordSource&)>
replay_threads(size_t threads) {
  return [threads](const training::Training& training, const data::RecordSource& records) {
    return std::make_unique<ReplayQueue>(training, records, threads);
  };
}

}  // namespace ginn::verifier
