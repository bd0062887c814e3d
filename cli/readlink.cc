// xfsx readlink IMAGE FILE

#include "text.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Shows where a symbolic link leads, raw bytes and a line end; on a terminal what is not\n"
    "printable is shown as a backslash and three octal digits. Anything but a link is\n"
    "refused.\n";

class Readlink : public FileVerb {
 public:
  void declare(Parser& parser) override {
    declare_file(parser);
    parser.details(help);
  }

  Result<void> show(Session& session, Filesystem& fs, InodeNumber inode) override {
    XFSX_TRY(std::string const target, fs.read_link(inode));
    if (!session.options().json) {
      bool const terminal = session.environment().out.is_terminal();
      return session.print((terminal ? escape(target, true) : target) + "\n");
    }
    Value said = document(session, "readlink");
    said.add(Value::words("target", target));
    return session.print_document(said);
  }
};

}  // namespace

std::unique_ptr<Verb> make_readlink() {
  return std::make_unique<Readlink>();
}

}  // namespace xfsx::inline v0::cli
