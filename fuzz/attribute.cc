// Attribute forks in all forms, changed: the search for a name, in the fork and in single blocks.

#include "attr/find.h"
#include "disk/attr.h"
#include "disk/inode.h"
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
  Region const regions[] = {region<disk::AttrLeafHeader>(),
                            region<disk::AttrLeafEntry>(sizeof(disk::AttrLeafHeader)),
                            region<disk::AttrLocalName>(block.size() - input.byte() * 4U),
                            region<disk::AttrRemoteName>(block.size() - input.byte() * 4U)};
  mutate(input, block, regions);
  (void)leaf_has(block, {}, AttrNamespace::secure, "capability");

  std::vector<std::byte> fork(input.half() % 400U);
  ConstBytes const bytes = input.take(fork.size());
  std::copy(bytes.begin(), bytes.end(), fork.begin());
  (void)short_form_has(fork, {}, AttrNamespace::user, "name");
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
  change_structure(input, disk, form, site);
  Result<std::unique_ptr<Volume>> const volume = Volume::open(disk);
  must(volume.has_value());
  Result<Inode> const inode = load_inode(*volume.value(), site.owner);
  if (!inode) return 0;
  (void)has_attribute(*volume.value(), inode.value(), AttrNamespace::secure, "capability");
  (void)has_attribute(*volume.value(), inode.value(), AttrNamespace::user, "name");
  return 0;
}
