// Recovery of logs that were left behind and that an input changed: items by their tables, bytes of
// regions, operations that come, go and change their lengths, and intents that were made up. The
// records are written again so that replay sees the change. Blocks that replay and the finishing of
// intents will read are changed too.

#include "base/view.h"
#include "disk/ag.h"
#include "disk/btree.h"
#include "disk/inode.h"
#include "disk/log.h"
#include "disk/log_items.h"
#include "disk/quota.h"
#include "disk/superblock.h"
#include "format/verify_ag.h"
#include "fuzz/support/dirty_log.h"
#include "fuzz/support/made_items.h"
#include "fuzz/support/recovery_promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;
using disk::LogItemType;

/// Tables of the block of which a logged chunk is a part, if it is the first one.
void add_block_tables(World const& world, LogOp const& op, u32 pick, std::vector<Region>& tables) {
  struct Row {
    u32 magic;
    Form form;
  };
  static constexpr Row rows[] = {
      {disk::bnobt_magic, Form::bnobt},           {disk::bnobt_magic_v4, Form::bnobt},
      {disk::cntbt_magic, Form::cntbt},           {disk::cntbt_magic_v4, Form::cntbt},
      {disk::inobt_magic, Form::inobt},           {disk::inobt_magic_v4, Form::inobt},
      {disk::finobt_magic, Form::finobt},         {disk::rmapbt_magic, Form::rmapbt},
      {disk::refcountbt_magic, Form::refcountbt}, {disk::bmbt_magic, Form::bmbt},
      {disk::bmbt_magic_v4, Form::bmbt},
  };
  if (op.payload.size() < 4) return;
  u32 const magic = view_as<be32>(op.payload.bytes()).value();
  if (magic == disk::agf_magic) tables.push_back(region<disk::Agf>());
  if (magic == disk::agi_magic) tables.push_back(region<disk::Agi>());
  if (magic == disk::agfl_magic) tables.push_back(region<disk::Agfl>());
  if (magic == disk::superblock_magic) tables.push_back(region<disk::Superblock>());
  if (magic >> 16 == disk::inode_magic) tables.push_back(region<disk::Dinode>());
  Row const* const row = std::ranges::find(rows, magic, &Row::magic);
  if (row == std::end(rows)) return;
  for (Region const& r :
       regions_of(world.geometry().version(), row->form, op.payload.size(), pick)) {
    tables.push_back(r);
  }
}

/// The tables of a region of an item.
std::vector<Region> tables_of(World const& world, LogOp const& op, u32 pick) {
  auto const intent = [](Region extent) {
    return std::vector<Region>{region<disk::IntentLogFormat>(), extent, extent};
  };
  std::vector<Region> tables;
  switch (LogItemType(op.item)) {
    case LogItemType::buffer:
      if (op.region == 0) return {region<disk::BufferLogFormat>()};
      add_block_tables(world, op, pick, tables);
      return tables;
    case LogItemType::inode:
      if (op.region == 0) return {region<disk::InodeLogFormat>()};
      if (op.region == 1) return {region<disk::LogDinode>()};
      return {region<disk::BmbtRecord>(pick % 8 * sizeof(disk::BmbtRecord)),
              region<disk::BtreeLongBlockV4>(), region<disk::BmdrBlock>()};
    case LogItemType::efi:
      return intent(region<disk::FreeExtentLog>(sizeof(disk::IntentLogFormat)));
    case LogItemType::rui:
    case LogItemType::bui:
      return intent(region<disk::MapExtentLog>(sizeof(disk::IntentLogFormat)));
    case LogItemType::cui:
      return intent(region<disk::CountExtentLog>(sizeof(disk::IntentLogFormat)));
    case LogItemType::attri:
      if (op.region == 0) return {region<disk::AttriLogFormat>()};
      return {};
    case LogItemType::xmi:
      if (op.payload.size() == sizeof(disk::SxiLogFormat)) return {region<disk::SxiLogFormat>()};
      return {region<disk::XmiLogFormat>()};
    case LogItemType::icreate:
      return {region<disk::IcreateLogFormat>()};
    case LogItemType::dquot:
      if (op.region == 0) return {region<disk::DquotLogFormat>()};
      return {region<disk::Dquot>()};
    default:
      return {region<disk::DoneLogFormat>()};
  }
}

/// An operation of an item, or null if there is none.
LogOp* pick_op(Input& input, DirtyLog& log) {
  return log.pick_item_op(input.half());
}

void change_item(Input& input, World const& world, DirtyLog& log) {
  LogOp* const op = pick_op(input, log);
  if (op == nullptr) return;
  u8 const how = input.byte();
  mutate(input, op->payload.edit(), tables_of(world, *op, how / 4), 1 + how % 4U);
}

void change_header(Input& input, DirtyLog& log) {
  LogOp* const op = pick_op(input, log);
  if (op == nullptr) return;
  std::vector<std::byte> bytes(sizeof(op->header));
  std::ranges::copy(bytes_of(op->header), bytes.begin());
  Region const table = region<disk::LogOpHeader>();
  mutate(input, bytes, {&table, 1}, 1);
  op->header = view_as<disk::LogOpHeader>(bytes);
}

/// Bytes come to the end of a region, or go.
void change_length(Input& input, DirtyLog& log) {
  LogOp* const op = pick_op(input, log);
  if (op == nullptr) return;
  u8 const how = input.byte();
  std::size_t const step = (how & 0x40) != 0 ? 128 : 4;
  std::size_t const by = (how % 64 + 1) * step;
  std::size_t const old = op->payload.size();
  op->payload.edit().resize((how & 0x80) != 0 ? old + by : old - std::min(old, by));
  op->header.len = static_cast<u32>(op->payload.size());
}

/// An operation goes, or comes a second time, here or somewhere else.
void move_operation(Input& input, DirtyLog& log) {
  u8 const how = input.byte();
  std::size_t const record = input.byte() % log.records();
  if (log.ops(record).empty()) return;
  std::vector<LogOp>& from = log.edit(record);
  std::size_t const which = input.half() % from.size();
  LogOp const op = from[which];
  if (how % 3 != 0) from.erase(from.begin() + static_cast<std::ptrdiff_t>(which));
  if (how % 3 == 1) return;
  std::vector<LogOp>& to = log.edit(input.byte() % log.records());
  std::size_t const where = input.half() % (to.size() + 1);
  to.insert(to.begin() + static_cast<std::ptrdiff_t>(where), op);
}

void change_log(Input& input, World const& world, DirtyLog& log) {
  switch (input.byte() % 8) {
    case 0:
      return change_header(input, log);
    case 1:
      return change_length(input, log);
    case 2:
      return move_operation(input, log);
    case 3:
    case 4:
      return log.add_item(made_item(input, world, input.byte()));
    default:
      return change_item(input, world, log);
  }
}

/// A header of an AG, or any other structure.
void change_disk(Input& input, World const& world, OverlayDisk& disk) {
  Geometry const& g = world.geometry();
  u8 const choice = input.byte();
  if (choice % 4 != 0) {
    Form const form = Form(choice / 4 % form_count);
    change_structure(input, world, disk, form, world.pick(form, input.byte()), 3);
    return;
  }
  BlockKind const* const kinds[] = {&agf_kind, &agi_kind, &agfl_kind};
  Region const tables[] = {region<disk::Agf>(), region<disk::Agi>(), region<disk::Agfl>()};
  u32 const which = choice / 4 % 3U;
  Daddr const at = g.ag_header(AgNumber(input.byte() % g.ag_count()), 1 + which);
  std::vector<std::byte> sector = read_at(disk, at.raw() * 512, g.sector_size());
  mutate(input, sector, {&tables[which], 1}, 2);
  restamp(g.version(), *kinds[which], sector);
  write_at(disk, at.raw() * 512, sector);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_dirty_logs(input.byte());
  u8 const how = input.byte();
  DirtyLog log(OriginalLog::of(world));
  for (unsigned i = how % 8; i > 0; --i) change_log(input, world, log);
  OverlayDisk disk = world.disk();
  for (unsigned i = how / 8 % 4; i > 0; --i) change_disk(input, world, disk);
  bool const salvage = (how & 0x20) != 0, break_one = (how & 0xc0) == 0xc0;
  log.write_to(disk, break_one ? input.byte() % log.records() : log.records());
  check_recovery(disk, salvage);
  return 0;
}
