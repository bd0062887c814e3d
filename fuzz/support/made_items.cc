#include "fuzz/support/made_items.h"

#include "base/view.h"
#include "disk/attr.h"
#include "disk/parent.h"
#include "disk/quota.h"
#include "format/verify_btree.h"
#include "fuzz/support/mutate.h"
#include "log/composed_item.h"

#include <algorithm>

namespace xfsx::fuzz {

namespace {

using disk::LogItemType;

class ItemMaker {
 public:
  ItemMaker(Input& input, World const& world)
      : input_(input), world_(world), geometry_(world.geometry()) {}

  LogRegions free_intent(LogItemType type);
  LogRegions rmap_intent(LogItemType type);
  LogRegions count_intent(LogItemType type);
  LogRegions map_intent();
  LogRegions attribute_intent();
  LogRegions exchange_intent(bool early);
  LogRegions buffer();
  LogRegions inode();
  LogRegions new_inodes();
  LogRegions dquot();
  LogRegions done();
  LogRegions named();

 private:
  /// Blocks, perhaps those of a file, and what the file has there.
  struct Run {
    u64 owner = 0;
    FsBlock start{};
    FileBlock offset{};
    u32 length = 0;
    bool attr = false, unwritten = false, realtime = false;
  };

  FsBlock some_block();
  InodeNumber some_inode();
  u32 some_length();
  Run some_run();
  Run file_run(FileRun const& whole);
  u32 generation_of(InodeNumber number) const;
  /// A number that was thought of, or now and then another.
  u64 perhaps(u64 meant) { return input_.byte() < 0xf0 ? meant : input_.word(); }

  Input& input_;
  World const& world_;
  Geometry const& geometry_;
};

/// A block that something lies in, or any.
FsBlock ItemMaker::some_block() {
  Geometry const& g = geometry_;
  u8 const choice = input_.byte();
  Site const site = world_.pick(Form(choice % form_count), input_.byte());
  u64 block = site.offset / g.block_size();
  if (choice >= 0xc0 || site.length == 0) {
    block = input_.half() % g.data_blocks();
  } else if (choice >= 0x80) {
    block = (block + input_.byte()) % g.data_blocks();
  }
  return g.fsblock(AgNumber(static_cast<u32>(block / g.ag_blocks())),
                   AgBlock(static_cast<u32>(block % g.ag_blocks())));
}

InodeNumber ItemMaker::some_inode() {
  std::vector<InodeNumber> const all = world_.inodes();
  u8 const choice = input_.byte();
  return all.empty() ? InodeNumber(choice) : all[choice % all.size()];
}

u32 ItemMaker::some_length() {
  u8 const choice = input_.byte();
  return choice < 0xf0 ? choice % 16U + 1 : input_.word();
}

ItemMaker::Run ItemMaker::file_run(FileRun const& whole) {
  Run run{whole.inode.raw(),
          whole.mapping.start,
          whole.mapping.offset,
          static_cast<u32>(whole.mapping.length.raw()),
          whole.fork == ForkKind::attr,
          whole.mapping.unwritten,
          whole.realtime};
  u8 const part = input_.byte();
  if (part < 0x80 || run.length < 2) return run;
  u32 const skipped = part % run.length;
  run.start = run.start + BlockCount(skipped);
  run.offset = run.offset + BlockCount(skipped);
  run.length = 1 + input_.byte() % (run.length - skipped);
  return run;
}

ItemMaker::Run ItemMaker::some_run() {
  std::vector<FileRun> const& files = world_.runs();
  u8 const choice = input_.byte();
  if (choice < 0xa0 && !files.empty()) return file_run(files[input_.half() % files.size()]);
  Run run;
  run.owner = some_inode().raw();
  if ((choice & 1) != 0) {
    // AGs, their headers, btrees of AGs ..., in this order down from the first of them.
    run.owner = disk::rmap_owner::fs - input_.byte() % 10U;
  }
  run.start = some_block();
  run.offset = FileBlock(input_.half());
  run.length = some_length();
  run.attr = (choice & 2) != 0;
  run.unwritten = (choice & 4) != 0;
  run.realtime = (choice & 8) != 0;
  return run;
}

u32 ItemMaker::generation_of(InodeNumber number) const {
  for (Site const& site : world_.sites(Form::inode)) {
    if (site.owner != number) continue;
    ConstBytes const bytes = world_.bytes().subspan(static_cast<std::size_t>(site.offset));
    return view_as<disk::Dinode>(bytes).gen.value();
  }
  return 0;
}

LogRegions ItemMaker::free_intent(LogItemType type) {
  std::vector<disk::FreeExtentLog> extents(1 + input_.byte() % 2U);
  for (disk::FreeExtentLog& e : extents) {
    Run const run = some_run();
    e.start = run.start;
    e.len = static_cast<u32>(perhaps(run.length));
  }
  return compose_list<disk::FreeExtentLog>(type, input_.byte(), extents).regions();
}

LogRegions ItemMaker::rmap_intent(LogItemType type) {
  std::vector<disk::MapExtentLog> extents(1 + input_.byte() % 2U);
  for (disk::MapExtentLog& e : extents) {
    Run const run = some_run();
    e.owner = perhaps(run.owner);
    e.startblock = run.start;
    e.startoff = run.offset;
    e.len = static_cast<u32>(perhaps(run.length));
    u8 const flags = input_.byte();
    e.flags = flags % 9U | (run.attr ? disk::rmap_intent::attr_fork : 0) |
              (run.unwritten ? disk::rmap_intent::unwritten : 0) |
              ((flags & 0x80) != 0 ? disk::rmap_intent::bmbt_block : 0);
  }
  return compose_list<disk::MapExtentLog>(type, input_.byte(), extents).regions();
}

LogRegions ItemMaker::count_intent(LogItemType type) {
  std::vector<disk::CountExtentLog> extents(1 + input_.byte() % 2U);
  for (disk::CountExtentLog& e : extents) {
    Run const run = some_run();
    e.startblock = run.start;
    e.len = static_cast<u32>(perhaps(run.length));
    e.flags = input_.byte() % 5U;
  }
  return compose_list<disk::CountExtentLog>(type, input_.byte(), extents).regions();
}

LogRegions ItemMaker::map_intent() {
  Run const run = some_run();
  disk::MapExtentLog e{};
  e.owner = perhaps(run.owner);
  e.startblock = run.start;
  e.startoff = run.offset;
  e.len = static_cast<u32>(perhaps(run.length));
  u8 const flags = input_.byte();
  // Blocks that a file has are unmapped; they can be mapped behind its end.
  if ((flags & 4) != 0) e.startoff = FileBlock(run.offset.raw() + 0x1000 + input_.byte());
  e.flags = flags % 4U | (run.attr ? disk::map_intent::attr_fork : 0) |
            (run.unwritten ? disk::map_intent::unwritten : 0) |
            (run.realtime ? disk::map_intent::realtime : 0);
  return compose_list<disk::MapExtentLog>(LogItemType::bui, input_.byte(), {&e, 1}).regions();
}

LogRegions ItemMaker::attribute_intent() {
  namespace op = disk::attr_intent;
  disk::AttriLogFormat head{};
  u8 const how = input_.byte();
  u32 const what = how % 8U;
  bool const parent = what >= op::parent_set;
  head.id = input_.byte();
  head.ino = some_inode();
  head.igen = static_cast<u32>(perhaps(generation_of(head.ino.value())));
  head.op_flags = what;
  head.attr_filter = parent ? u32{disk::attr_flag::parent} : input_.byte() % 5U * 2;
  std::vector<std::byte> name(1 + input_.byte() % 16U, std::byte{'a'});
  std::ranges::copy(input_.take(input_.byte() % name.size()), name.begin());
  std::vector<std::byte> value(what == op::remove ? 0 : input_.half() % 5000U);
  disk::ParentRecord record{};
  record.inumber = some_inode();
  record.gen = generation_of(record.inumber.value());
  if (parent) value.assign(bytes_of(record).begin(), bytes_of(record).end());
  std::vector<ConstBytes> texts{name};
  head.name_len = static_cast<u32>(name.size());
  head.value_len = static_cast<u32>(value.size());
  if (what == op::parent_replace) {
    // Lengths of the old and the new name share a number.
    head.name_len = head.name_len.value() << 16 | head.name_len.value();
    texts.emplace_back(name);
  }
  if (!value.empty()) texts.emplace_back(value);
  if (what == op::parent_replace) texts.emplace_back(value);
  return compose_attri(head, texts).regions();
}

LogRegions ItemMaker::exchange_intent(bool early) {
  Run const one = some_run(), two = some_run();
  disk::XmiLogFormat item{};
  item.id = input_.byte();
  item.inode1 = InodeNumber(one.owner);
  item.inode2 = InodeNumber(two.owner);
  item.igen1 = static_cast<u32>(perhaps(generation_of(item.inode1.value())));
  item.igen2 = static_cast<u32>(perhaps(generation_of(item.inode2.value())));
  u8 const flags = input_.byte();
  item.flags = flags;
  item.startoff1 = FileBlock((flags & 0x40) != 0 ? one.offset.raw() : input_.byte());
  item.startoff2 = FileBlock((flags & 0x40) != 0 ? two.offset.raw() : input_.byte());
  item.blockcount = some_length();
  item.isize1 = perhaps(input_.half());
  item.isize2 = perhaps(input_.half());
  ComposedItem const composed = compose_exchange(item);
  return early ? as_sxi(composed).value().regions() : composed.regions();
}

/// Eight sectors, or another number, of which the first chunk is logged.
LogRegions ItemMaker::buffer() {
  std::vector<std::byte> first(sizeof(disk::BufferLogFormat) + 4);
  auto& format = edit_as<disk::BufferLogFormat>(first);
  format.type = static_cast<u16>(LogItemType::buffer);
  u8 const how = input_.byte();
  format.flags = static_cast<u16>((how % 4) | input_.byte() % 24U << 11);
  format.len = static_cast<u16>(how < 0x80 ? 8 : input_.byte());
  u64 const block = geometry_.daddr(some_block()).raw();
  format.blkno = Daddr(block + (how < 0xc0 ? 0 : input_.byte() % 16U));
  format.map_size = 1;
  format.size = 1;
  if ((how & disk::buffer_item_flag::cancel) != 0) return {first};
  format.size = 2;
  edit_as<le32>(first, sizeof(disk::BufferLogFormat)) = 1;
  std::vector<std::byte> chunk(128);
  std::ranges::copy(input_.take(input_.byte() % 128U), chunk.begin());
  return {first, chunk};
}

/// An inode that is there, changed; perhaps its btrees are to get a new owner.
LogRegions ItemMaker::inode() {
  Site const site = world_.pick(Form::inode, input_.byte());
  if (site.length == 0 || !geometry_.version().self_describing) return done();
  ConstBytes const bytes =
      world_.bytes().subspan(static_cast<std::size_t>(site.offset), site.length);
  u64 const unit = u64{geometry_.cluster_blocks()} * geometry_.block_size();
  u64 const cluster = site.offset / unit * unit;
  InodePlace place;
  place.cluster = Daddr(cluster / basic_block_size);
  place.cluster_length = geometry_.sectors(BlockCount(geometry_.cluster_blocks()));
  place.offset = static_cast<u32>(site.offset - cluster);
  u8 const how = input_.byte();
  InodeItem item{site.owner, place, bytes, (how & 1) == 0, (how & 2) == 0};
  Result<ComposedItem> composed = compose_inode(item);
  if (!composed) return done();
  LogRegions regions = composed.value().regions();
  auto& head = edit_as<disk::InodeLogFormat>(regions.front());
  head.fields = head.fields.value() | (how >> 4 & 3U) << 9;
  Region const core = region<disk::LogDinode>();
  mutate(input_, regions[1], {&core, 1}, how >> 6);
  return regions;
}

LogRegions ItemMaker::new_inodes() {
  disk::IcreateLogFormat item{};
  FsBlock const at = some_block();
  item.ag = geometry_.ag_of(at);
  item.agbno = geometry_.agblock_of(at);
  item.isize = geometry_.inode_size();
  u8 const choice = input_.byte();
  u32 const chunk = std::max(inodes_per_chunk / geometry_.inodes_per_block(), 1U);
  item.length = choice < 0xc0 ? chunk : some_length();
  item.count = item.length.value() * geometry_.inodes_per_block();
  item.gen = choice;
  return compose_icreate(item).regions();
}

LogRegions ItemMaker::dquot() {
  Site const site = world_.pick(Form::dquots, input_.byte());
  if (site.length == 0) {
    disk::QuotaoffLogFormat off{};
    off.type = static_cast<u16>(LogItemType::quotaoff);
    off.size = 1;
    off.flags = input_.byte();
    ConstBytes const bytes = bytes_of(off);
    return {{bytes.begin(), bytes.end()}};
  }
  u32 const number = input_.byte() % (site.length / static_cast<u32>(sizeof(disk::DquotRecord)));
  std::size_t const offset = number * sizeof(disk::DquotRecord);
  disk::DquotLogFormat format{};
  format.type = static_cast<u16>(LogItemType::dquot);
  format.size = 2;
  format.blkno = Daddr(site.offset / basic_block_size);
  format.len = static_cast<u32>(perhaps(1));
  format.boffset = static_cast<u32>(perhaps(offset));
  ConstBytes const core =
      world_.bytes().subspan(static_cast<std::size_t>(site.offset) + offset, sizeof(disk::Dquot));
  format.id = view_as<disk::Dquot>(core).id.value();
  LogRegions regions{{}, {core.begin(), core.end()}};
  regions.front().assign(bytes_of(format).begin(), bytes_of(format).end());
  Region const table = region<disk::Dquot>();
  mutate(input_, regions[1], {&table, 1}, 2);
  return regions;
}

/// An answer to an intent that is there or not.
LogRegions ItemMaker::done() {
  static constexpr LogItemType types[] = {
      LogItemType::rud, LogItemType::cud,    LogItemType::bud,    LogItemType::attrd,
      LogItemType::xmd, LogItemType::rud_rt, LogItemType::cud_rt,
  };
  u8 const choice = input_.byte();
  return compose_done(types[choice % std::size(types)], input_.byte()).regions();
}

/// One of each name, zeroes but for what is set by the paths of its fields.
LogRegions ItemMaker::named() {
  static constexpr std::string_view names[] = {
      "EFI",    "EFD",    "inode",  "buffer", "dquot",  "icreate", "RUI",     "RUD", "CUI",
      "CUD",    "BUI",    "BUD",    "ATTRI",  "ATTRD",  "XMI",     "XMD",     "SXI", "SXD",
      "EFI_RT", "EFD_RT", "RUI_RT", "RUD_RT", "CUI_RT", "CUD_RT",  "quotaoff"};
  static constexpr std::string_view paths[] = {"log_efi.id",
                                               "log_efi_extent[1].len",
                                               "log_inode.u[3]",
                                               "log_xmi.flags",
                                               "log_map_extent.len",
                                               "log_attri.ino",
                                               "log_icreate.length",
                                               "log_buf.len",
                                               "log_dquot.len",
                                               "log_done.id",
                                               "x",
                                               "a.b[",
                                               "log_dinode.mode",
                                               "log_cui_extent.flags"};
  std::string_view const name = names[input_.byte() % std::size(names)];
  Result<ComposedItem> item = ComposedItem::named(name, 1 + input_.byte() % 3U);
  if (!item) return done();
  for (unsigned i = input_.byte() % 4U; i > 0; --i) {
    std::string_view const path = paths[input_.byte() % std::size(paths)];
    (void)item.value().set(path, input_.word());
    (void)item.value().get(path);
  }
  return item.value().regions();
}

}  // namespace

LogRegions made_item(Input& input, World const& world, u8 kind) {
  ItemMaker maker(input, world);
  switch (kind % made_item_kinds) {
    case 0:
      return maker.free_intent(LogItemType::efi);
    case 1:
      return maker.rmap_intent(LogItemType::rui);
    case 2:
    case 3:
      return maker.map_intent();
    case 4:
      return maker.count_intent(LogItemType::cui);
    case 5:
      return maker.attribute_intent();
    case 6:
    case 7:
      return maker.exchange_intent(false);
    case 8:
      return maker.exchange_intent(true);
    case 9:
      return maker.free_intent(LogItemType::efi_rt);
    case 10:
      return maker.rmap_intent(LogItemType::rui_rt);
    case 11:
      return maker.count_intent(LogItemType::cui_rt);
    case 12:
      return maker.buffer();
    case 13:
      return maker.inode();
    case 14:
      return maker.new_inodes();
    case 15:
      return maker.dquot();
    case 16:
      return maker.done();
    default:
      return maker.named();
  }
}

}  // namespace xfsx::fuzz
