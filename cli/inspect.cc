// xfsx inspect IMAGE WHAT [FIELD.PATH]

#include "inspect/inspect.h"

#include "look.h"
#include "recovered_image.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "WHAT is one of\n"
    "  sb [AG]      the superblock, or the copy of it in AG\n"
    "  agf [AG]     free space header of an allocation group\n"
    "  agi [AG]     inode header\n"
    "  agfl [AG]    free list\n"
    "  bnobt [AG]   root block of a btree of an allocation group; also cntbt, inobt, finobt,\n"
    "               rmapbt, refcntbt\n"
    "  unlinked [AG]  inodes that are on no directory any more and still there\n"
    "  inode N      core and forks of an inode\n"
    "  fsblock N    a block by its filesystem-wide number; its magic says what it is\n"
    "  daddr N      the same by its address in units of 512 bytes\n"
    "  log          the log: where it lies, its head and tail, its last record\n"
    "  dquot KIND ID  use and limits of a user, group or project; KIND is one of these\n"
    "  rtbitmap [N], rtsummary [N]  a block of the realtime bitmap, or of its summary, on\n"
    "               filesystems without realtime groups; those of groups are named by fsblock\n"
    "  rtsb         the superblock of the realtime device (--rt-dev)\n"
    "Names and values are those of xfs_db; times are in UTC. With FIELD.PATH, such as core.size,\n"
    "unlinked[3] or u3.bmx[0].startblock, only that field is shown. Of an inode, bmap and\n"
    "bmap[0].startblock are the mappings of the data fork, those in a btree too.\n"
    "A structure that fails its verifier is shown all the same; the exit status is 4 then.\n";

class Inspect : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operands("WHAT", words_, 4, "the structure and, after it, a field path");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    std::optional<inspect::Target> const target = inspect::parse_target(words_);
    if (!target) return "WHAT is not understood; see xfsx inspect --help";
    target_ = *target;
    return {};
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(Devices devices, session.open(Access::read));
    // The log itself is no part of what it will make of the rest.
    if (target_.kind != inspect::Target::Kind::log) {
      XFSX_TRYV(show_recovered(session, devices));
    }
    XFSX_TRY(inspect::Inspection const found, look_at(devices, target_, Strictness::whole));
    XFSX_TRYV(show(session, found));
    if (found.problem) return *found.problem;
    return success();
  }

 private:
  Result<void> show(Session& session, inspect::Inspection const& found) {
    std::optional<inspect::Found> const part = inspect::find(found.fields, target_.path);
    if (!part) {
      return with_note(refuse(ENOENT, "there is no such field in this structure"), target_.path);
    }
    if (!session.options().json) {
      return session.print(inspect::to_text(*part->value, part->path));
    }
    Value document = session.document("inspect");
    document.add(Value::words("structure", found.structure));
    document.add(Value::words("path", part->path));
    document.add(Value::flag("verified", !found.problem));
    Value value = *part->value;
    value.name = "value";
    document.add(std::move(value));
    return session.print_document(document);
  }

  std::vector<std::string> words_;
  inspect::Target target_;
};

}  // namespace

std::unique_ptr<Verb> make_inspect() {
  return std::make_unique<Inspect>();
}

}  // namespace xfsx::inline v0::cli
