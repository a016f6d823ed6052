#include "protocol/connection.h"

#include "base/crc32c.h"
#include "base/text.h"

namespace ginn::protocol {

Status Connection::send(FrameType type, ByteView payload) {
  const auto header =
      frame_header({type, static_cast<uint32_t>(payload.size()), sent_++, crc32c(payload)});
  const ByteView parts[] = {header, payload};
  Status written = stream_->write(parts);
  if (written.ok()) return written;
  Error error = written.error();
  error.message = concat("sending a ", frame_name(type), " frame: ", error.message);
  return error;
}

bool Connection::try_send(FrameType type, ByteView payload) {
  return stream_->writable() && send(type, payload).ok();
}

Status Connection::receive(std::span<uint8_t> out, const Idle& idle) {
  size_t have = 0;
  while (have < out.size()) {
    GINN_ASSIGN(const size_t got, stream_->read(out.subspan(have), idle));
    if (got == 0) {
      if (have == 0) return refused("peer_closed", "the peer closed the connection");
      return refused("frame_truncated",
                     concat("the stream ended after ", have, " of ", out.size(), " bytes"));
    }
    have += got;
  }
  return ok_status();
}

Result<FrameType> Connection::receive_frame(const JobBytes& job_bytes,
                                            Bytes& payload,
                                            const Idle& idle) {
  std::array<uint8_t, kHeaderBytes> bytes;
  GINN_TRY(receive(bytes, idle));
  GINN_ASSIGN(const FrameHeader header, parse_header(bytes, job_bytes, received_));
  ++received_;
  payload.resize(header.length);
  if (header.length > 0) {
    const Status status = receive(payload, idle);
    if (!status.ok()) {
      if (std::string_view(status.error().code) != "peer_closed") return status.error();
      return refused("frame_truncated",
                     concat("the stream ended inside a ", frame_name(header.type), " frame"));
    }
  }
  if (crc32c(payload) != header.checksum) {
    return refused("frame_checksum",
                   concat("the payload of a ",
                          frame_name(header.type),
                          " frame has another checksum: it was garbled"));
  }
  return header.type;
}

// A frame that the network repeats must not read as one that the peer sent: hence a whole frame,
// with its checksums and its number.
Status Connection::receive_end(const JobBytes& job_bytes, const Idle& idle) {
  Bytes payload;
  const Result<FrameType> type = receive_frame(job_bytes, payload, idle);
  if (type.ok()) return refused("data_after_end", "a frame after the end frame");
  if (std::string_view(type.error().code) == "peer_closed") return ok_status();
  return type.error();
}

}  // namespace ginn::protocol
