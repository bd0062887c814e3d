// xfsx fuzz [-n] [--bad-crc] IMAGE STRUCTURE FIELD VERB [--value V] [--seed N]
// xfsx fuzz --list IMAGE [STRUCTURE]
// xfsx fuzz --all --out DIR IMAGE [STRUCTURE] [--sample N] [--seed N] [--bad-crc]
// xfsx fuzz --apply DELTA [-n] IMAGE

#include "cases.h"
#include "change.h"
#include "delta.h"
#include "verb.h"

#include <random>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Changes one field of one structure in place and outside of the log, by one of the eight\n"
    "verbs of XFS's own fuzz tests: for people who test kernels and repair tools. STRUCTURE\n"
    "and FIELD are what xfsx inspect takes, as in\n"
    "  xfsx fuzz IMAGE agf 0 bnoroot middlebit\n"
    "  xfsx fuzz IMAGE inode 131 u3.bmx[0].startblock add --value 1\n"
    "VERB is one of\n"
    "  zeroes, ones       no bit, or every bit of the field set\n"
    "  firstbit           its most significant bit turned over\n"
    "  middlebit          the bit half way down turned over\n"
    "  lastbit            its least significant bit turned over\n"
    "  add, sub           V added or taken away, modulo the width of the field; without\n"
    "                     --value 2017, and 137 in fields of up to 8 bits\n"
    "  random             bits by chance; N makes them again, and is shown if it was not given\n"
    "The checksum is made again; with --bad-crc it stays as it was, and is wrong then. A\n"
    "damaged structure is changed as well, and so is a dirty filesystem; the image is opened\n"
    "exclusively and must not be mounted. With -n the bytes are shown and nothing is written.\n"
    "Whole sectors are written: a power failure leaves each of them old or new, and a\n"
    "structure of several may be half changed.\n"
    "\n"
    "With --list, every structure and field of the image is shown in these words, or those of\n"
    "STRUCTURE alone. With --all, the image is read, and DIR gets a small file for each field\n"
    "and verb: which bytes become which. --sample takes N of these cases by chance, --seed\n"
    "says which (0 if it is not given). What is in DIR already is kept. --apply changes the\n"
    "image, a copy, as such a file says, and refuses if the bytes there are others:\n"
    "  xfsx fuzz --all --out cases --sample 1000 clean.img\n"
    "  cp clean.img case.img && xfsx fuzz --apply cases/agf-0/bnoroot.middlebit.json case.img\n";

class Fuzz : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.optional_operands("WHAT", words_, 5, "STRUCTURE FIELD VERB");
    parser.number("--value", "V", value_, "what add and sub add or take away");
    parser.number("--seed", "N", seed_, "where the bits of random and samples come from");
    parser.flag("--bad-crc", bad_crc_, "leave the checksum as it is");
    parser.flag("-n,--dry-run", dry_run_, "show what would change and write nothing");
    parser.flag("--list", list_, "show every structure and field");
    parser.flag("--all", all_, "write a delta for every field and verb to DIR");
    parser.text("--out", "DIR", cases_.folder, "where --all writes");
    parser.number("--sample", "N", cases_.sample, "of all cases, take N by chance");
    parser.text("--apply", "DELTA", delta_, "change what a file of --all says");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    int const modes = (list_ ? 1 : 0) + (all_ ? 1 : 0) + (delta_.empty() ? 0 : 1);
    if (modes > 1) return "of --list, --all and --apply take one";
    if (all_ == cases_.folder.empty()) return "--all and --out DIR go together";
    if (cases_.sample && !all_) return "--sample is for --all";
    if (cases_.sample && (*cases_.sample == 0 || *cases_.sample > largest_sample)) {
      return "--sample takes 1 to 1000000";
    }
    if (modes != 0 && value_) return "--value is for one field and add or sub";
    if (list_ && (bad_crc_ || dry_run_ || seed_)) return "--list takes no options of changes";
    if (all_ && dry_run_) return "--all changes nothing; leave -n out";
    if (!delta_.empty()) return check_apply();
    return list_ || all_ ? check_choice() : check_field();
  }

  Result<void> run(Session& session) override {
    bool const writes = !list_ && !all_ && !dry_run_;
    XFSX_TRY(Devices const devices, session.open(writes ? Access::write : Access::read));
    if (list_) return list_fields(session, devices, choice_);
    XFSX_TRYV(check_changeable(session, devices));
    if (all_) {
      cases_.bad_crc = bad_crc_;
      cases_.seed = seed_.value_or(0);
      return write_cases(session, devices, choice_, cases_);
    }
    return delta_.empty() ? change_one(session, devices) : apply(session, devices);
  }

 private:
  [[nodiscard]] std::string check_apply() const {
    if (!words_.empty()) return "--apply knows from DELTA what to change; leave WHAT out";
    if (bad_crc_ || seed_) return "--apply knows the bytes; leave --bad-crc and --seed out";
    return {};
  }

  std::string check_choice() {
    if (words_.empty()) return {};
    choice_.target = inspect::parse_target(words_);
    if (!choice_.target || !choice_.target->path.empty()) {
      return "STRUCTURE is not understood; see xfsx fuzz --help";
    }
    for (std::string const& word : words_) {
      choice_.words += choice_.words.empty() ? word : " " + word;
    }
    return {};
  }

  std::string check_field() {
    if (words_.empty()) return "STRUCTURE FIELD VERB are missing; see xfsx fuzz --help";
    std::optional<inspect::Mutation> const mutation = inspect::parse_mutation(words_.back());
    if (!mutation) return "VERB is not understood; see xfsx fuzz --help";
    std::optional<inspect::Target> const target =
        parse_field(std::span(words_).first(words_.size() - 1));
    if (!target) return "STRUCTURE FIELD VERB is not understood; see xfsx fuzz --help";
    target_ = *target;
    request_.mutation = *mutation;
    request_.amount = value_;
    return {};
  }

  Result<void> change_one(Session& session, Devices const& devices) {
    request_.seed = seed_ ? *seed_ : std::random_device()();
    Alter const alter = [this](inspect::Inspection const& found, Value const& field) {
      return inspect::mutated(found, field, request_);
    };
    XFSX_TRY(FieldChange const change, change_field(devices, target_, bad_crc_, alter));
    Value document = session.document("fuzz");
    document.add(Value::words("mutation", inspect::to_string(request_.mutation)));
    if (request_.mutation == inspect::Mutation::random) {
      document.add(Value::wide_integer("seed", request_.seed));
      if (!session.options().json) {
        XFSX_TRYV(session.print("seed: " + std::to_string(request_.seed) + "\n"));
      }
    }
    return carry_out(session, *devices.data, std::move(document), change, dry_run_);
  }

  Result<void> apply(Session& session, Devices const& devices) const {
    XFSX_TRY(Delta delta, read_delta(delta_));
    FieldChange change;
    change.structure = delta.structure;
    change.field = delta.field;
    change.before = delta.before;
    change.after = delta.after;
    change.checksum = delta.checksum;
    change.patches = std::move(delta.patches);
    Value document = session.document("fuzz");
    document.add(Value::words("mutation", delta.mutation));
    document.add(Value::wide_integer("seed", delta.seed));
    if (dry_run_) {
      XFSX_TRYV(check_patches(*devices.data, change.patches));
    }
    return carry_out(session, *devices.data, std::move(document), change, dry_run_);
  }

  std::vector<std::string> words_;
  inspect::Target target_;
  inspect::MutationRequest request_;
  std::optional<u64> value_, seed_;
  Choice choice_;
  CaseOptions cases_;
  std::string delta_;
  bool bad_crc_ = false;
  bool dry_run_ = false;
  bool list_ = false;
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_fuzz() {
  return std::make_unique<Fuzz>();
}

}  // namespace xfsx::inline v0::cli
