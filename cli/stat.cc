// xfsx stat IMAGE FILE

#include "open_image.h"
#include "report.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Shows what the inode says: type, permissions, owners, size, blocks of both forks, times\n"
    "in UTC, flags, and the format of each fork with the number of its mappings. A symbolic\n"
    "link at the end of FILE is not followed.\n";

class Stat : public Verb {
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
    XFSX_TRY(FileStatus const status, image.filesystem->stat(inode));
    if (!session.options().json) return session.print(to_report(status_value({}, status)));
    Value document = session.document("stat");
    document.add(Value::words("file", operand_bytes(file_, session.options())));
    document.add(status_value("status", status));
    return session.print_document(document);
  }

 private:
  std::string file_;
};

}  // namespace

std::unique_ptr<Verb> make_stat() {
  return std::make_unique<Stat>();
}

}  // namespace xfsx::inline v0::cli
