#include "fuzz/support/examine.h"

#include "format/verify_ag.h"
#include "fuzz/support/promises.h"
#include "fuzz/support/recovery_promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"
#include "inspect/inspect.h"
#include "log/find_head.h"
#include "symlink/symlink.h"

#include <algorithm>

namespace xfsx::fuzz {

namespace {

constexpr u64 size_limit = 1 << 30;
constexpr u32 sites_of_a_kind = 64;
constexpr std::size_t exchanged_files = 4;

class DiskBytes final : public inspect::ByteSource {
 public:
  explicit DiskBytes(OverlayDisk& disk) : disk_(disk) {}
  Result<void> read(Daddr at, Bytes into) override {
    ReadRequest const request{at.raw() * 512, into};
    return disk_.read({&request, 1});
  }

 private:
  OverlayDisk& disk_;
};

void examine_log(OverlayDisk& disk, Geometry const& g) {
  Result<LogGeometry> const log = LogGeometry::of(g);
  if (!log) return;
  Result<LogState> const state = find_log_head(disk, log.value());
  if (state) check_log_state(state.value(), log.value());
}

void examine_ag_headers(OverlayDisk& disk, Geometry const& g) {
  BlockKind const* const kinds[] = {&agf_kind, &agi_kind, &agfl_kind};
  for (u32 number = 0; number < g.ag_count(); ++number) {
    for (u32 sector = 1; sector <= std::size(kinds); ++sector) {
      AgNumber const ag(number);
      Daddr const at = g.ag_header(ag, sector);
      std::vector<std::byte> const block = read_at(disk, at.raw() * 512, g.sector_size());
      bool const good =
          verify_block(*kinds[sector - 1], block, {g, g.locate(at)}, Lsn(0)).has_value();
      if (good) check_ag_header(sector, block, g, ag);
    }
  }
}

void examine_block(OverlayDisk& disk, Geometry const& g, Form form, Site const& site) {
  BlockKind const* const kind = kind_of(form);
  if (kind == nullptr) return;
  std::vector<std::byte> const block = read_at(disk, site.offset, site.length);
  BlockContext const context{g, g.locate(Daddr(site.offset / 512))};
  if (verify_block(*kind, block, context, Lsn(0))) check_btree_block(g.version(), form, block);
}

void inspect_site(OverlayDisk& disk, Geometry const& g, Form form, Site const& site) {
  DiskBytes source(disk);
  inspect::Target target;
  target.kind = form == Form::inode ? inspect::Target::Kind::inode : inspect::Target::Kind::daddr;
  target.number = form == Form::inode ? site.owner.raw() : site.offset / 512;
  Result<inspect::Inspection> const seen = inspect::inspect(g, source, target, Lsn(0));
  if (seen) (void)inspect::to_text(seen.value().fields);
}

void examine_file(Volume& volume, InodeNumber ino) {
  Result<Inode> inode = load_inode(volume, ino);
  if (!inode) return;
  check_mappings(volume, inode.value(), ForkKind::data);
  check_mappings(volume, inode.value(), ForkKind::attr);
  check_attributes(volume, inode.value());
  (void)read_symlink(volume, inode.value());
  Result<Directory> directory = Directory::open(volume, std::move(inode).value());
  if (directory) check_lookups(directory.value(), names_of(directory.value()));
}

/// Every pair of a few files.
void examine_exchanges(World const& world, std::vector<InodeNumber> files) {
  std::erase_if(files, [&](InodeNumber ino) {
    OverlayDisk disk = world.disk();
    Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
    if (!volume) return true;
    Result<Inode> const inode = load_inode(*volume.value(), ino);
    return !inode || !inode.value().is_regular();
  });
  if (files.size() > exchanged_files) files.resize(exchanged_files);
  for (InodeNumber const file1 : files) {
    for (InodeNumber const file2 : files) {
      OverlayDisk disk = world.disk();
      Result<std::unique_ptr<Filesystem>> const fs = Filesystem::open(disk);
      ExchangeRequest request;
      request.file1 = file1;
      request.file2 = file2;
      if (fs) check_exchange(*fs.value(), disk, request);
    }
  }
}

}  // namespace

Result<void> examine_disk(std::string const& path) {
  XFSX_TRY(std::shared_ptr<Seed> const seed, Seed::thaw(path, size_limit));
  std::size_t const head = std::min<std::size_t>(seed->bytes().size(), 32768);
  Result<Geometry> const geometry =
      Geometry::from_superblock(seed->bytes().first(head), {seed->bytes().size(), 512});
  // A superblock that is refused is no promise broken.
  if (!geometry) return success();
  World const world(seed, geometry.value(), sites_of_a_kind);
  Geometry const& g = world.geometry();
  OverlayDisk disk = world.disk();
  examine_log(disk, g);
  examine_ag_headers(disk, g);
  for (u8 number = 0; number < form_count; ++number) {
    Form const form = static_cast<Form>(number);
    for (Site const& site : world.sites(form)) {
      examine_block(disk, g, form, site);
      inspect_site(disk, g, form, site);
    }
  }
  XFSX_TRY(std::unique_ptr<Volume> const volume, Volume::open(disk));
  for (InodeNumber const ino : world.inodes()) examine_file(*volume, ino);
  if (volume->log() && volume->log().value().clean) examine_exchanges(world, world.inodes());
  for (bool const salvage : {false, true}) {
    OverlayDisk dirty = world.disk();
    check_recovery(dirty, salvage);
  }
  return success();
}

}  // namespace xfsx::fuzz
