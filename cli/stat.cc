// xfsx stat IMAGE FILE

#include "report.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Shows what the inode says: type, permissions, owners, size, blocks of both forks, times\n"
    "in UTC, flags, and the format of each fork with the number of its mappings. A symbolic\n"
    "link at the end of FILE is not followed.\n";

class Stat : public FileVerb {
 public:
  void declare(Parser& parser) override {
    declare_file(parser);
    parser.details(help);
  }

  Result<void> show(Session& session, Filesystem& fs, InodeNumber inode) override {
    XFSX_TRY(FileStatus const status, fs.stat(inode));
    if (!session.options().json) return session.print(to_report(status_value({}, status)));
    Value said = document(session, "stat");
    said.add(status_value("status", status));
    return session.print_document(said);
  }
};

}  // namespace

std::unique_ptr<Verb> make_stat() {
  return std::make_unique<Stat>();
}

}  // namespace xfsx::inline v0::cli
