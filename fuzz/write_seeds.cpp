// Writes every target's seeds to DIR/TARGET/N, where libFuzzer reads them, and prints the targets.
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "fuzz/targets.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds DIR\n", stderr);
    return 2;
  }
  for (const ginn::fuzz::Target& target : ginn::fuzz::targets()) {
    const auto folder = std::filesystem::path(argv[1]) / std::string(target.name);
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const ginn::Bytes& seed : target.seeds()) {
      const auto written = ginn::write_file_atomic(folder / std::to_string(number++), seed);
      if (!written.ok()) {
        std::fprintf(stderr, "%s\n", written.error().message.c_str());
        return 3;
      }
    }
    std::printf("%s\n", std::string(target.name).c_str());
  }
  return 0;
}
