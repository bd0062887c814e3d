// xfsx set [-n] [--bad-crc] IMAGE STRUCTURE FIELD VALUE

#include "change.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Changes one field of one structure to a value, in place and outside of the log: for\n"
    "people who test kernels and repair tools. STRUCTURE and FIELD are what xfsx inspect\n"
    "takes, as in\n"
    "  xfsx set IMAGE agf 0 bnoroot 9\n"
    "  xfsx set IMAGE inode 131 u3.bmx[0].startblock 75\n"
    "VALUE is a number (decimal, 0x..., octal with a 0 before it, negative, null for all\n"
    "ones), a UUID, text as it is or in quotes as inspect shows it, or # and hexadecimal\n"
    "digits: the bytes. The checksum is made again; with --bad-crc it stays as it was, and is\n"
    "wrong then. A damaged structure is changed as well, and so is a dirty filesystem; the\n"
    "image is opened exclusively and must not be mounted. With -n the bytes are shown and\n"
    "nothing is written. Whole sectors are written: a power failure leaves each of them old or\n"
    "new, and a structure of several may be half changed.\n";

class Set : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operands("WHAT", words_, 5, "STRUCTURE FIELD VALUE");
    parser.flag("--bad-crc", bad_crc_, "leave the checksum as it is");
    parser.flag("-n,--dry-run", dry_run_, "show what would change and write nothing");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    std::optional<inspect::Target> const target =
        parse_field(std::span(words_).first(words_.size() - 1));
    if (!target) return "STRUCTURE FIELD VALUE is not understood; see xfsx set --help";
    target_ = *target;
    return {};
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(Devices const devices, session.open(dry_run_ ? Access::read : Access::write));
    XFSX_TRYV(check_changeable(session, devices));
    std::string const& value = words_.back();
    Alter const alter = [&value](inspect::Inspection const& found, Value const& field) {
      return inspect::with_value(found, field, value);
    };
    XFSX_TRY(FieldChange const change, change_field(devices, target_, bad_crc_, alter));
    return carry_out(session, *devices.data, session.document("set"), change, dry_run_);
  }

 private:
  std::vector<std::string> words_;
  inspect::Target target_;
  bool bad_crc_ = false;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_set() {
  return std::make_unique<Set>();
}

}  // namespace xfsx::inline v0::cli
