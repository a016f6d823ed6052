#pragma once

#include <functional>
#include <string>

#include "protocol/frame.h"

namespace ginn::protocol {

// A stream socket between worker and verifier. Owns its descriptor.
class Connection {
 public:
  explicit Connection(int descriptor) : descriptor_(descriptor) {}
  Connection(Connection&& other) noexcept : descriptor_(other.descriptor_) {
    other.descriptor_ = -1;
  }
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Writes a whole frame; SIGPIPE is suppressed. Code "peer_gone".
  Status send(FrameType type, ByteView payload);
  // A frame in two parts, without copying them together.
  Status send(FrameType type, ByteView first, ByteView second);
  // False when the peer is not reading fast enough: nothing was sent.
  bool try_send(FrameType type, ByteView payload);

  // Reads exactly `count` bytes into private memory. `idle` is called about five times a second
  // while nothing arrives; an error from it ends the wait. Codes "peer_closed" (end of stream
  // before the first byte), "frame_truncated" (inside), "peer_gone".
  using Idle = std::function<Status()>;
  Status receive(std::span<uint8_t> out, const Idle& idle);
  // A frame of at most the limits of parse_header; `payload` is resized to it.
  Result<FrameType> receive_frame(size_t contribution_bytes, Bytes& payload, const Idle& idle);

  // Whether bytes or the end of the stream can be read without waiting.
  bool readable() const;
  void finish_sending();  // the peer sees the end of the stream

 private:
  int descriptor_;
};

inline constexpr size_t kMaxSocketPathBytes = 107;  // of sockaddr_un, without the final zero

// Unix sockets; `address` is "unix:PATH", PATH at most kMaxSocketPathBytes. Codes "bad_address",
// "cannot_listen", "cannot_connect".
class Listener {
 public:
  static Result<Listener> create(const std::string& address);
  Listener(Listener&& other) noexcept
      : descriptor_(other.descriptor_), path_(std::move(other.path_)) {
    other.descriptor_ = -1;
  }
  Listener& operator=(Listener&&) = delete;
  ~Listener();  // removes the socket's file
  // Waits for one connection; `idle` as above.
  Result<Connection> accept(const Connection::Idle& idle);

 private:
  Listener(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  std::string path_;
};

Result<Connection> connect(const std::string& address);

}  // namespace ginn::protocol
