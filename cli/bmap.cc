// xfsx bmap [--attr] IMAGE FILE

#include "verb.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Shows where the blocks of a fork lie, one mapping a line: file offset, length, AG, block\n"
    "in the AG, and filesystem-wide block number, all in filesystem blocks; the address in\n"
    "units of 512 bytes; written or unwritten; shared or not. Holes are left out. A mapping\n"
    "of which a part is shared with other files is shown in pieces. Blocks of the realtime\n"
    "device have no AG.\n";

constexpr std::string_view head =
    "    offset     length    ag    agblock      fsblock        daddr  state\n";

class Bmap : public FileVerb {
 public:
  void declare(Parser& parser) override {
    declare_file(parser);
    parser.flag("--attr", attr_, "the attribute fork instead of the data fork");
    parser.details(help);
  }

  Result<void> show(Session& session, Filesystem& fs, InodeNumber inode) override {
    bool const json = session.options().json;
    JsonList list;
    std::string text(head);
    auto const visit = [&](FileMapping const& m) {
      if (json) {
        list.add(value_of(m));
      } else {
        text += line_of(m);
      }
      return true;
    };
    XFSX_TRYV(fs.mappings(inode, attr_ ? ForkKind::attr : ForkKind::data, visit));
    if (!json) return session.print(text);
    Value said = document(session, "bmap");
    said.add(Value::words("fork", attr_ ? "attr" : "data"));
    return session.print_document(said, "mappings", list);
  }

 private:
  static Value value_of(FileMapping const& m) {
    Value v = Value::group({});
    v.add(Value::wide_integer("offset", m.offset.raw()));
    v.add(Value::wide_integer("length", m.length.raw()));
    v.add(Value::wide_integer("fsblock", m.start.raw()));
    if (!m.realtime) {
      v.add(Value::integer("ag", m.ag.raw()));
      v.add(Value::integer("agblock", m.agblock.raw()));
      v.add(Value::wide_integer("daddr", m.daddr.raw()));
    }
    v.add(Value::words("state", m.unwritten ? "unwritten" : "written"));
    v.add(Value::flag("shared", m.shared));
    v.add(Value::flag("realtime", m.realtime));
    return v;
  }

  static std::string line_of(FileMapping const& m) {
    std::string const place =
        m.realtime ? fmt::format("{:>5} {:>10} {:>12} {:>12}", "-", "-", m.start.raw(), "-")
                   : fmt::format("{:>5} {:>10} {:>12} {:>12}", m.ag.raw(), m.agblock.raw(),
                                 m.start.raw(), m.daddr.raw());
    return fmt::format("{:>10} {:>10} {}  {}{}{}\n", m.offset.raw(), m.length.raw(), place,
                       m.unwritten ? "unwritten" : "written", m.shared ? " shared" : "",
                       m.realtime ? " realtime" : "");
  }

  bool attr_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bmap() {
  return std::make_unique<Bmap>();
}

}  // namespace xfsx::inline v0::cli
