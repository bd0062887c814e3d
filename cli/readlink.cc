// xfsx readlink IMAGE FILE

#include "open_image.h"
#include "text.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Shows where a symbolic link leads, raw bytes and a line end; on a terminal what is not\n"
    "printable is shown as a backslash and three octal digits. Anything but a link is\n"
    "refused.\n";

class Readlink : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operand("FILE", file_, "an absolute path, or inode:N");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const& options) override {
    return check_operand(file_, options);
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(OpenImage const image, open_image(session, false));
    XFSX_TRY(InodeNumber const inode, resolve_operand(session, *image.filesystem, file_));
    XFSX_TRY(std::string const target, image.filesystem->read_link(inode));
    if (!session.options().json) {
      bool const terminal = session.environment().out.is_terminal();
      return session.print((terminal ? escape(target, true) : target) + "\n");
    }
    Value document = session.document("readlink");
    document.add(Value::words("file", operand_bytes(file_, session.options())));
    document.add(Value::words("target", target));
    return session.print_document(document);
  }

 private:
  std::string file_;
};

}  // namespace

std::unique_ptr<Verb> make_readlink() {
  return std::make_unique<Readlink>();
}

}  // namespace xfsx::inline v0::cli
