// One fault of the kind that its argument names: a sanitizer that says nothing here sees nothing.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace {

void leak() {
  int* volatile lost = new int(1);
  *lost = 2;
  lost = nullptr;
}

void overflow() {
  int* volatile four = new int[4];
  volatile int index = 4;
  four[index] = 1;
  delete[] four;
}

void wrap() {
  volatile int most = 2147483647;
  most = most + 1;
}

void race() {
  int shared = 0;
  std::thread other([&] { ++shared; });
  ++shared;
  other.join();
  std::printf("%d\n", shared);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 2 ? argv[1] : "";
  if (kind == "leak") leak();
  if (kind == "overflow") overflow();
  if (kind == "wrap") wrap();
  if (kind == "race") race();
  std::puts("canary: alive");
  return 0;
}
