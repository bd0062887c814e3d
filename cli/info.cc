// xfsx info IMAGE

#include "open_image.h"
#include "report.h"
#include "text.h"
#include "verb.h"

#include <fmt/format.h>

namespace xfsx::inline v0::cli {

namespace {

constexpr char const* help =
    "Shows what the superblock says of the filesystem and what state its log is in. `state`\n"
    "is clean, dirty (changes wait in the log: mount and unmount the filesystem to replay\n"
    "them), unreadable, or unseen (on a device of its own, which was not given). Counters are "
    "exact only if the log is clean. With -v the back end\n"
    "that drives the device is named.\n";

Value identity_of(FilesystemInfo const& i) {
  Value v = Value::group("filesystem");
  v.add(Value::words("uuid", to_string(i.uuid)));
  v.add(Value::words("meta_uuid", to_string(i.meta_uuid)));
  v.add(Value::words("label", i.label.c_str())).spelling = escape(i.label.c_str(), false);
  return v;
}

Value geometry_of(FilesystemInfo const& i) {
  Value v = Value::group("geometry");
  v.add(Value::integer("block_size", i.block_size));
  v.add(Value::integer("sector_size", i.sector_size));
  v.add(Value::integer("inode_size", i.inode_size));
  v.add(Value::integer("dir_block_size", i.dir_block_size));
  v.add(Value::wide_integer("data_blocks", i.data_blocks));
  v.add(Value::integer("ag_blocks", i.ag_blocks));
  v.add(Value::integer("ag_count", i.ag_count));
  v.add(Value::integer("stripe_unit", i.stripe_unit));
  v.add(Value::integer("stripe_width", i.stripe_width));
  v.add(Value::wide_integer("root_inode", i.root_inode.raw()));
  v.add(Value::wide_integer("realtime_blocks", i.realtime_blocks));
  v.add(Value::integer("realtime_extent_size", i.realtime_extent_size));
  return v;
}

Value counters_of(FilesystemInfo const& i) {
  Value v = Value::group("counters");
  v.add(Value::wide_integer("inodes_allocated", i.inodes_allocated));
  v.add(Value::wide_integer("inodes_free", i.inodes_free));
  v.add(Value::wide_integer("blocks_free", i.blocks_free));
  v.add(Value::wide_integer("realtime_extents_free", i.realtime_extents_free));
  return v;
}

Value features_of(FilesystemInfo const& i) {
  Value v = Value::group("features");
  auto const word = [&v](std::string_view name, u32 bits) {
    v.add(Value::integer(name, bits)).spelling = fmt::format("{:#x}", bits);
  };
  word("version", i.version);
  word("compat", i.features_compat);
  word("ro_compat", i.features_ro_compat);
  word("incompat", i.features_incompat);
  word("log_incompat", i.features_log_incompat);
  word("quota_flags", i.quota_flags);
  Value names = Value::list("names");
  for (std::string_view const name : i.features) names.add(Value::words({}, name));
  v.add(std::move(names));
  return v;
}

std::string_view log_state(FilesystemInfo const& i) {
  if (!i.internal_log && !i.log_device) return "unseen";
  if (!i.log) return "unreadable";
  return i.log->clean ? "clean" : "dirty";
}

Value log_of(FilesystemInfo const& i) {
  Value v = Value::group("log");
  v.add(Value::flag("internal", i.internal_log));
  v.add(Value::wide_integer("start", i.log_start.raw()));
  v.add(Value::integer("blocks", i.log_blocks));
  v.add(Value::integer("stripe_unit", i.log_unit));
  v.add(Value::integer("sector_size", i.log_sector_size));
  v.add(Value::words("state", log_state(i)));
  if (i.log) {
    v.add(position_value("head", i.log->head));
    v.add(position_value("tail", i.log->tail));
    v.add(Value::flag("torn", i.log->torn));
  }
  return v;
}

Value device_of(std::string_view name, DeviceInfo const& device) {
  Value v = Value::group(name);
  v.add(Value::wide_integer("offset", device.offset));
  if (device.partition != 0) v.add(Value::integer("partition", device.partition));
  v.add(Value::wide_integer("size", device.size));
  v.add(Value::integer("logical_sector", device.logical_sector));
  v.add(Value::flag("block_device", device.is_block_device));
  v.add(Value::flag("write_protected", device.write_protected));
  v.add(Value::words("backend", device.backend));
  return v;
}

class Info : public Verb {
 public:
  void declare(Parser& parser) override { parser.details(help); }

  Result<void> run(Session& session) override {
    XFSX_TRY(OpenImage const image, open_image(session, false));
    XFSX_TRY(FilesystemInfo const info, image.filesystem->info());
    bool const json = session.options().json;
    Value document = json ? session.document("info") : Value::group({});
    document.add(identity_of(info));
    document.add(geometry_of(info));
    document.add(counters_of(info));
    document.add(features_of(info));
    document.add(log_of(info));
    // For people the answer to the most frequent question stands on a line of its own.
    if (!json) document.add(Value::words("log state", log_state(info)));
    if (json || session.options().verbose) {
      document.add(device_of("device", info.device));
      if (info.log_device) document.add(device_of("log_device", *info.log_device));
      if (info.realtime_device) document.add(device_of("realtime_device", *info.realtime_device));
    }
    return json ? session.print_document(document) : session.print(to_report(document));
  }
};

}  // namespace

std::unique_ptr<Verb> make_info() {
  return std::make_unique<Info>();
}

}  // namespace xfsx::inline v0::cli
