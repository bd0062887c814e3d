// Attribute forks in all forms, changed: names and values, of the fork and of single blocks.

#include "attr/list.h"
#include "disk/attr.h"
#include "disk/inode.h"
#include "fuzz/support/promises.h"
#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

constexpr Form forms[] = {Form::inode, Form::attr_leaf, Form::attr_remote, Form::da_node};

/// The pure searches on bytes that no checksum vouches for.
void search_raw(Input& input, World const& world, u8 number) {
  Site const site = world.pick(Form::attr_leaf, number);
  OverlayDisk disk = world.disk();
  std::vector<std::byte> block =
      site.length != 0 ? read_at(disk, site.offset, site.length) : std::vector<std::byte>(4096);
  FormatVersion const& version = world.geometry().version();
  Region const head =
      version.self_describing ? region<disk::AttrLeafHeader>() : region<disk::AttrLeafHeaderV4>();
  Region const regions[] = {head, region<disk::AttrLeafEntry>(version.attr_leaf),
                            region<disk::AttrLocalName>(block.size() - input.byte() * 4U),
                            region<disk::AttrRemoteName>(block.size() - input.byte() * 4U)};
  mutate(input, block, regions);
  auto const all = [](StoredAttribute const&) -> Result<bool> { return true; };
  (void)visit_attr_leaf(version, block, {}, all);

  std::vector<std::byte> fork(input.half() % 400U);
  ConstBytes const bytes = input.take(fork.size());
  std::copy(bytes.begin(), bytes.end(), fork.begin());
  (void)visit_short_form(fork, {}, all);
}
static_assert(sizeof(disk::AttrShortHeader) + sizeof(disk::AttrShortEntry) == 7);
static_assert(sizeof(disk::AttrRemoteHeader) == 56);

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  u8 const choice = input.byte();
  u8 const number = input.byte();
  if ((choice & 0x40) != 0) {
    search_raw(input, world, number);
    return 0;
  }
  Form const form = forms[choice % std::size(forms)];
  Site const site = world.pick(form, number);
  if (site.length == 0) return 0;
  OverlayDisk disk = world.disk();
  change_structure(input, world, disk, form, site);
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  must(volume.has_value());
  Result<Inode> const inode = load_inode(*volume.value(), site.owner);
  if (!inode) return 0;
  check_attributes(*volume.value(), inode.value());
  return 0;
}
