#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/bytes.h"

namespace ginn::protocol {

// Called about five times a second while nothing arrives; an error from it ends the wait.
using Idle = std::function<Status()>;

// A stream of bytes to one peer: a socket, or one that a test simulates.
class Stream {
 public:
  virtual ~Stream() = default;
  // Writes all parts, waiting for the peer to read. Code "peer_gone".
  virtual Status write(std::span<const ByteView> parts) = 0;
  // Whether a small write would not wait.
  virtual bool writable() const = 0;
  // Waits for at least one byte; 0 is the end of the stream. Codes "peer_gone", those of `idle`.
  virtual Result<size_t> read(std::span<uint8_t> out, const Idle& idle) = 0;
  // Whether bytes or the end of the stream can be read without waiting.
  virtual bool readable() const = 0;
  virtual void finish_writing() = 0;  // the peer sees the end of the stream
};

// Where peers connect.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  // Waits for the next peer. Codes "cannot_listen", those of `idle`.
  virtual Result<std::unique_ptr<Stream>> accept(const Idle& idle) = 0;
};

}  // namespace ginn::protocol
