// The superblock of the realtime section, and blocks of the files with its bitmap and summary. A
// block of these without a header does not say what it is: who decodes it knows whose it is.

#include "base/view.h"
#include "disk/realtime.h"
#include "inspect/decode.h"
#include "inspect/structures.h"

namespace xfsx::inline v0::inspect {

namespace {

using disk::PlainRtWord;
using disk::RtBufferHeader;

Value decode_words(ConstBytes block, bool header, std::string_view name, disk::Show show) {
  Value fields = Value::group({});
  if (header) decode_fields(fields, disk::Layout<RtBufferHeader>::fields, block);
  std::size_t const first = header ? sizeof(RtBufferHeader) : 0;
  disk::Field const words{name,
                          static_cast<u16>(first),
                          sizeof(be32),
                          static_cast<u16>((block.size() - first) / sizeof(be32)),
                          header ? disk::Order::big : disk::order_of<PlainRtWord>(),
                          show,
                          "Words of 32 bits."};
  fields.add(decode_field(words, block));
  return fields;
}

}  // namespace

Value decode_realtime_superblock(ConstBytes block, Geometry const&) {
  Value fields = Value::group({});
  decode_fields(fields, disk::Layout<disk::RtSuperblock>::fields, block);
  return fields;
}

Value decode_realtime_bitmap(ConstBytes block, Geometry const&) {
  return decode_words(block, true, "rtwords", disk::Show::hex);
}

Value decode_realtime_summary(ConstBytes block, Geometry const&) {
  return decode_words(block, true, "suminfo", disk::Show::decimal);
}

Value decode_plain_bitmap(ConstBytes block) {
  return decode_words(block, false, "rtwords", disk::Show::hex);
}

Value decode_plain_summary(ConstBytes block) {
  return decode_words(block, false, "suminfo", disk::Show::decimal);
}

}  // namespace xfsx::inline v0::inspect
