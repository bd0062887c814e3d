// xfsx fresh IMAGE FILE

#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Prints one word that says what a regular file is now: its filesystem, inode number and\n"
    "generation, size, both times and its counter of changes. `swap --fresh WORD` then refuses,\n"
    "with exit status 64, if FILE2 is not that any more.\n";

class Fresh : public FileVerb {
 public:
  void declare(Parser& parser) override {
    declare_file(parser);
    parser.details(help);
  }

  Result<void> show(Session& session, Filesystem& fs, InodeNumber inode) override {
    XFSX_TRY(Freshness const freshness, fs.freshness(inode));
    std::string const token = to_token(freshness);
    if (!session.options().json) return session.print(token + "\n");
    Value said = document(session, "fresh");
    said.add(Value::words("token", token));
    return session.print_document(said);
  }
};

}  // namespace

std::unique_ptr<Verb> make_fresh() {
  return std::make_unique<Fresh>();
}

}  // namespace xfsx::inline v0::cli
