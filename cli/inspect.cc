// xfsx inspect IMAGE WHAT [FIELD.PATH]

#include "inspect/inspect.h"

#include "cache/buffer_cache.h"
#include "log/find_head.h"
#include "verb.h"

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "WHAT is one of\n"
    "  sb [AG]      the superblock, or the copy of it in AG\n"
    "  agf [AG]     free space header of an allocation group\n"
    "  agi [AG]     inode header\n"
    "  agfl [AG]    free list\n"
    "  inode N      core and forks of an inode\n"
    "  fsblock N    a block by its filesystem-wide number; its magic says what it is\n"
    "  daddr N      the same by its address in units of 512 bytes\n"
    "  log          the log: where it lies, its head and tail, its last record\n"
    "Names and values are those of xfs_db; times are in UTC. With FIELD.PATH, such as core.size,\n"
    "unlinked[3] or u3.bmx[0].startblock, only that field is shown.\n"
    "A structure that fails its verifier is shown all the same; the exit status is 4 then.\n";

class DeviceSource : public inspect::ByteSource {
 public:
  explicit DeviceSource(BlockDevice& device) : device_(device) {}
  Result<void> read(Daddr at, Bytes into) override {
    AlignedBytes buffer(into.size());
    ReadRequest const request{at.raw() * basic_block_size, buffer.bytes()};
    XFSX_TRYV(device_.read({&request, 1}));
    std::ranges::copy(buffer.bytes(), into.begin());
    return success();
  }

 private:
  BlockDevice& device_;
};

class Inspect : public Verb {
 public:
  void declare(Parser& parser) override {
    parser.operands("WHAT", words_, 3, "the structure and, after it, a field path");
    parser.details(help);
  }

  std::string check_usage(GlobalOptions const&) override {
    std::optional<inspect::Target> const target = inspect::parse_target(words_);
    if (!target) return "WHAT is not understood; see xfsx inspect --help";
    target_ = *target;
    return {};
  }

  Result<void> run(Session& session) override {
    XFSX_TRY(std::unique_ptr<BlockDevice> const device, session.open(false));
    XFSX_TRY(inspect::Inspection const found, look(*device));
    XFSX_TRYV(show(session, found));
    if (found.problem) return *found.problem;
    return success();
  }

 private:
  Result<inspect::Inspection> look(BlockDevice& device) {
    // The largest sector of the format; the superblock itself says how large its own is.
    DeviceInfo const info = device.info();
    u64 const unit = std::max<u64>(info.logical_sector, basic_block_size);
    AlignedBytes sector(std::min<u64>(32768, info.size / unit * unit));
    ReadRequest const request{0, sector.bytes()};
    XFSX_TRYV(device.read({&request, 1}));
    SuperblockLimits const limits{info.size, info.logical_sector};
    if (target_.kind == inspect::Target::Kind::superblock && target_.number == 0) {
      return inspect::inspect_primary(sector.bytes(), limits);
    }
    XFSX_TRY(Geometry const geometry, Geometry::from_superblock(sector.bytes(), limits));
    DeviceSource source(device);
    if (target_.kind == inspect::Target::Kind::log) return look_at_log(device, geometry);
    return inspect::inspect(geometry, source, target_, Lsn(0));
  }

  /// A log whose head cannot be found has a place all the same.
  static Result<inspect::Inspection> look_at_log(BlockDevice& device, Geometry const& geometry) {
    XFSX_TRY(LogGeometry const log, LogGeometry::of(geometry));
    inspect::Inspection found;
    found.structure = "log";
    found.fields.add(Value::wide_integer("start_daddr", log.start.raw()));
    found.fields.add(Value::integer("basic_blocks", log.blocks));
    found.fields.add(Value::integer("stripe_unit", log.unit));
    found.fields.add(Value::integer("sector_size", log.sector_size));
    Result<LogState> const state = find_log_head(device, log);
    if (!state) {
      found.problem = state.error();
      return found;
    }
    LogState const& s = state.value();
    found.fields.add(Value::flag("clean", s.clean));
    found.fields.add(Value::flag("torn", s.torn));
    found.fields.add(Value::flag("empty", s.empty));
    found.fields.add(lsn_value("head", s.head));
    found.fields.add(lsn_value("tail", s.tail));
    if (s.empty) return found;
    found.fields.add(Value::integer("last_record", s.last_record.raw()));
    AlignedBytes header(log.sector_size);
    u64 const at = log.byte_of(s.last_record);
    ReadRequest const request{at, header.bytes()};
    XFSX_TRYV(device.read({&request, 1}));
    found.fields.add(inspect::decode_log_record(header.bytes()));
    return found;
  }

  static Value lsn_value(std::string_view name, Lsn lsn) {
    Value v = Value::group(name);
    v.add(Value::integer("cycle", lsn.cycle()));
    v.add(Value::integer("block", lsn.block().raw()));
    return v;
  }

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
