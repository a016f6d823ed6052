#pragma once

#include <memory>
#include <string>

#include "protocol/frame.h"
#include "protocol/stream.h"

namespace ginn::protocol {

// Frames over a stream, numbered and with checksums. One thread may send while another receives.
class Connection {
 public:
  explicit Connection(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  // Writes a whole frame. Code "peer_gone".
  Status send(FrameType type, ByteView payload);
  // False when the peer is not reading fast enough: nothing was sent.
  bool try_send(FrameType type, ByteView payload);

  // A frame within the limits of parse_header; `payload` is resized to it. Codes: parse_header's
  // (before any memory is taken), "peer_closed" (the stream ended before the first byte),
  // "frame_truncated" (inside), "frame_checksum", "peer_gone", those of `idle`.
  Result<FrameType> receive_frame(const JobBytes& job_bytes, Bytes& payload, const Idle& idle);
  // Waits for the end of the stream. Codes "data_after_end" for another frame, receive_frame's.
  Status receive_end(const JobBytes& job_bytes, const Idle& idle);

  // Whether bytes or the end of the stream can be read without waiting.
  bool readable() const { return stream_->readable(); }
  void finish_sending() { stream_->finish_writing(); }

 private:
  Status receive(std::span<uint8_t> out, const Idle& idle);

  std::unique_ptr<Stream> stream_;
  uint32_t sent_ = 0;
  uint32_t received_ = 0;
};

}  // namespace ginn::protocol
