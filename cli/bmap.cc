// xfsx bmap [--attr] IMAGE FILE

#include "open_image.h"
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

class Bmap : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operand("FILE", file_, "an absolute path, or inode:N");
    parser.flag("--attr", attr_, "the attribute fork instead of the data fork");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const& options) override {
    return check_operand(file_, options);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(OpenImage const image, open_image(session, false));
    XFSX_TRY(InodeNumber const inode, resolve_operand(session, *image.filesystem, file_));
    bool const json = session.options().json;
    Value list = Value::list("mappings");
    std::string text(head);
    auto const visit = [&](FileMapping const& m) {
      if (json) {
        list.add(value_of(m));
      } else {
        text += line_of(m);
      }
      return true;
    };
    XFSX_TRYV(image.filesystem->mappings(inode, attr_ ? Fork::attr : Fork::data, visit));
    if (!json) return session.print(text);
    Value document = session.document("bmap");
    document.add(Value::words("file", operand_bytes(file_, session.options())));
    document.add(Value::words("fork", attr_ ? "attr" : "data"));
    document.add(std::move(list));
    return session.print_document(document);
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

  std::string file_;
  bool attr_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bmap() {
  return std::make_unique<Bmap>();
}

}  // namespace xfsx::inline v0::cli
