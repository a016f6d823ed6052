#include "import/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "base/text.h"

namespace ginn::import {

namespace {

constexpr size_t kFirstOutputBytes = size_t{1} << 16;
constexpr size_t kStepBytes = size_t{1} << 30;  // zlib counts in 32 bits

// A zlib stream over bytes in memory that stops at `capacity` bytes of output.
class Inflater {
 public:
  Inflater(ByteView compressed, uint64_t capacity, std::string_view name)
      : compressed_(compressed), capacity_(capacity), name_(name) {}
  ~Inflater() {
    if (started_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<Bytes> decode() {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) return out_of_memory();
    started_ = true;
    while (produced_ < capacity_) {
      GINN_ASSIGN(const bool finished, step());
      if (finished) break;
    }
    output_.resize(produced_);
    return std::move(output_);
  }

 private:
  // One call of inflate(); true at the end of the last member.
  Result<bool> step() {
    if (produced_ == output_.size()) {
      output_.resize(std::min(capacity_, std::max(kFirstOutputBytes, 2 * output_.size())));
    }
    const size_t in = std::min(compressed_.size() - used_, kStepBytes);
    const size_t out = std::min(output_.size() - produced_, kStepBytes);
    stream_.next_in = const_cast<Bytef*>(compressed_.data() + used_);  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(in);
    stream_.next_out = output_.data() + produced_;
    stream_.avail_out = static_cast<uInt>(out);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    used_ += in - stream_.avail_in;
    produced_ += out - stream_.avail_out;
    switch (code) {
      case Z_OK:
        return false;
      case Z_STREAM_END:
        return next_member();
      case Z_BUF_ERROR:  // room for output is left, so the input is at its end
        return input_error("gzip_truncated",
                           concat(name_,
                                  ": the gzip stream is cut off at offset ",
                                  used_,
                                  ", after ",
                                  produced_,
                                  " bytes of content; copy or download the file again"));
      case Z_MEM_ERROR:
        return out_of_memory();
      default:
        return corrupt();
    }
  }

  Result<bool> next_member() {
    const ByteView rest = compressed_.subspan(used_);
    if (rest.empty()) return true;
    if (!is_gzip(rest)) {
      return input_error("gzip_trailing_garbage",
                         concat(name_,
                                ": ",
                                rest.size(),
                                " bytes at offset ",
                                used_,
                                " follow the gzip stream and are not another one; expected the "
                                "end of the file"));
    }
    if (inflateReset(&stream_) != Z_OK) return corrupt();
    return false;
  }

  Error corrupt() const {
    return input_error("gzip_corrupt",
                       concat(name_,
                              ": bad gzip data near offset ",
                              used_,
                              " (",
                              stream_.msg == nullptr ? "no detail" : stream_.msg,
                              "); copy or download the file again"));
  }
  Error out_of_memory() const {
    return environment_error("gzip_memory", concat(name_, ": no memory left to decode gzip"));
  }

  ByteView compressed_;
  size_t capacity_;
  std::string_view name_;
  z_stream stream_{};
  bool started_ = false;
  size_t used_ = 0;      // of compressed_
  size_t produced_ = 0;  // of output_
  Bytes output_;
};

}  // namespace

bool is_gzip(ByteView bytes) { return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

Result<Bytes> gunzip(ByteView compressed, uint64_t limit, std::string_view name) {
  GINN_CHECK(limit < UINT64_MAX);
  // One byte more than the limit tells a content of exactly `limit` bytes from a longer one.
  GINN_ASSIGN(Bytes content, Inflater(compressed, limit + 1, name).decode());
  if (content.size() <= limit) return content;
  return input_error(
      "gzip_too_large",
      concat(name, ": decodes to more than ", limit, " bytes, the most that is expected of it"));
}

Result<Bytes> gunzip_prefix(ByteView compressed, size_t count, std::string_view name) {
  return Inflater(compressed, count, name).decode();
}

}  // namespace ginn::import
