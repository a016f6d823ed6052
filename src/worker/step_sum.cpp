#include "worker/step_sum.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "arithmetic/format.h"

namespace ginn::worker {
namespace {

constexpr size_t kPiece = size_t{1} << 16;  // elements

size_t pieces_of(const nn::Graph& graph) {
  size_t pieces = 0;
  for (const nn::Parameter& p : graph.parameters()) pieces += (p.count + kPiece - 1) / kPiece;
  return pieces;
}

}  // namespace

// |q| <= 2^15: 2^b contributions, each shifted up by 16 - b bits at most, stay within int32.
StepSum::StepSum(const nn::Graph& graph, const device::MapKernels& maps, uint32_t contributions)
    : graph_(graph),
      maps_(maps),
      room_(16 - std::bit_width(contributions - 1)),
      sums_(graph.parameter_count()),
      pieces_(pieces_of(graph)) {
  size_t index = 0;
  for (const nn::Parameter& p : graph.parameters()) {
    first_piece_.push_back(index);
    for (size_t first = 0; first < p.count; first += kPiece) {
      Piece& piece = pieces_[index++];
      piece.sums = sums_.data() + p.offset + first;
      piece.count = std::min(kPiece, p.count - first);
    }
  }
}

template <typename Body>
void StepSum::for_pieces(size_t parameter, size_t first, size_t count, const Body& body) {
  for (const size_t end = first + count; first < end;) {
    const size_t index = first / kPiece;
    const size_t piece_end = std::min((index + 1) * kPiece, end);
    body(pieces_[first_piece_[parameter] + index], first % kPiece, piece_end - first);
    first = piece_end;
  }
}

void StepSum::widen(Piece& piece) {
  piece.wide = device::Buffer<int64_t>(piece.count);
  const int shift = piece.exponent - kMinContributionExponent;
  maps_.widen(piece.sums, piece.count, shift, piece.wide.data());
  std::memset(piece.sums, 0, piece.count * sizeof *piece.sums);
}

void StepSum::add(size_t parameter, size_t first, const int16_t* q, size_t count, int exponent) {
  for_pieces(parameter, first, count, [&](Piece& piece, size_t at, size_t n) {
    const std::lock_guard lock(piece.mutex);
    if (piece.empty) {
      piece.empty = false;
      piece.exponent = std::max(exponent - std::max(room_, 0) / 2, kMinContributionExponent);
    }
    const int shift = exponent - piece.exponent;
    if (piece.wide.size() == 0 && (shift < 0 || shift > room_)) widen(piece);
    if (piece.wide.size() == 0) {
      maps_.accumulate_i32(q, n, shift, piece.sums + at);
    } else {
      maps_.accumulate(q, n, exponent - kMinContributionExponent, piece.wide.data() + at);
    }
    q += n;
  });
}

void StepSum::add(const training::Contribution& contribution) {
  for (size_t p = 0; p < graph_.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph_.parameters()[p];
    if (parameter.frozen) continue;
    const int16_t* q = contribution.q.data() + parameter.offset;
    add(p, 0, q, parameter.count, contribution.exponents[p]);
  }
}

void StepSum::take(size_t parameter, size_t first, size_t count, int64_t* out) {
  for_pieces(parameter, first, count, [&](Piece& piece, size_t at, size_t n) {
    if (piece.wide.size() == 0) {
      maps_.widen(piece.sums + at, n, piece.exponent - kMinContributionExponent, out);
      std::memset(piece.sums + at, 0, n * sizeof *piece.sums);
    } else {
      std::memcpy(out, piece.wide.data() + at, n * sizeof *out);
    }
    out += n;
  });
}

void StepSum::clear() {
  for (Piece& piece : pieces_) {
    piece.empty = true;
    piece.exponent = kMinContributionExponent;
    piece.wide = device::Buffer<int64_t>();
  }
}

}  // namespace ginn::worker
