#include "rt/word_file.h"

#include "disk/realtime.h"
#include "inode/bmap.h"

#include <algorithm>

namespace xfsx::inline v0 {

Result<WordFile> WordFile::open(Transaction& txn, Inode const& inode, BlockKind const& kind) {
  XFSX_TRY(std::vector<Mapping> mappings, collect_mappings(txn.volume(), inode, ForkKind::data));
  return WordFile(txn, inode.number, kind, std::move(mappings));
}

u32 WordFile::header() const {
  return kind_->crc == BlockKind::none ? 0 : sizeof(disk::RtBufferHeader);
}

u64 WordFile::words_per_block() const {
  return (geometry().block_size() - header()) / sizeof(be32);
}

std::optional<Daddr> WordFile::place(u64 index) const {
  FileBlock const block(index / words_per_block());
  auto const m = std::ranges::upper_bound(mappings_, block, {}, &Mapping::end);
  if (m == mappings_.end() || m->offset > block) return std::nullopt;
  return geometry().daddr(m->start + (block - m->offset));
}

Error WordFile::wrong(u64 index, std::string_view field, std::string_view reason,
                      std::source_location raised) const {
  std::optional<Daddr> const at = place(index);
  Location where = at ? geometry().locate(*at) : Location{};
  where.owner = owner_;
  Error e = located(Errc::bad_value, kind_->name, where, raised);
  e.field = field;
  e.found.number = index;
  e.reason = reason;
  return e;
}

Result<void> WordFile::load(u64 index) {
  u64 const block = index / words_per_block();
  if (buffer_ && block == block_) return success();
  std::optional<Daddr> const at = place(index);
  if (!at) return wrong(index, "size", "the file ends before the word, or has a hole there");
  XFSX_TRY(buffer_, txn_->read(*kind_, *at, geometry().sectors(BlockCount(1)), owner_));
  block_ = block;
  return success();
}

Result<u32> WordFile::get(u64 index) {
  XFSX_TRYV(load(index));
  u64 const at = header() + index % words_per_block() * sizeof(be32);
  if (header() != 0) return view_as<be32>(buffer_->bytes(), at).value();
  return view_as<disk::PlainRtWord>(buffer_->bytes(), at).value();
}

Result<void> WordFile::set(u64 index, u32 value) {
  XFSX_TRYV(load(index));
  XFSX_TRY(Bytes const copy, txn_->edit(buffer_, owner_));
  u64 const at = header() + index % words_per_block() * sizeof(be32);
  if (header() != 0) {
    edit_as<be32>(copy, at) = value;
  } else {
    edit_as<disk::PlainRtWord>(copy, at) = value;
  }
  // What was read may have been the block before its first change.
  buffer_ = nullptr;
  return success();
}

}  // namespace xfsx::inline v0
