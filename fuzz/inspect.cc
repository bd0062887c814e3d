// Inspecting goes on where verifying stops: any target and field path, on structures that are
// changed and not stamped again, on the superblock too.

#include "inspect/inspect.h"

#include "fuzz/support/structures.h"
#include "fuzz/support/target.h"

#include <algorithm>

namespace {

using namespace xfsx;
using namespace xfsx::fuzz;

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

/// Words out of the rest of the input, cut at zeros.
std::vector<std::string> words_of(ConstBytes bytes) {
  std::vector<std::string> words(1);
  for (std::byte const b : bytes) {
    if (b == std::byte{0}) {
      words.emplace_back();
    } else {
      words.back() += static_cast<char>(b);
    }
  }
  return words;
}

void look(World const& world, OverlayDisk& disk, inspect::Target const& target) {
  DiskBytes source(disk);
  Result<inspect::Inspection> const seen =
      inspect::inspect(world.geometry(), source, target, Lsn(0));
  if (!seen) return;
  std::string const text = inspect::to_text(seen.value().fields);
  must(text.size() < 16 << 20);
  (void)inspect::find(seen.value().fields, target.path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Input input = script(data, size);
  World const& world = World::of_structures(input.byte());
  Form const form = static_cast<Form>(input.byte() % form_count);
  Site const site = world.pick(form, input.byte());
  OverlayDisk disk = world.disk();
  change_structure(input, world, disk, form, site, 3);

  inspect::Target target;
  target.kind = form == Form::inode ? inspect::Target::Kind::inode : inspect::Target::Kind::daddr;
  target.number = form == Form::inode ? site.owner.raw() : site.offset / 512;
  look(world, disk, target);

  std::vector<std::string> const words = words_of(input.rest());
  if (std::optional<inspect::Target> const asked = inspect::parse_target(words)) {
    look(world, disk, *asked);
  }
  std::vector<std::byte> sector = read_at(disk, 0, 4096);
  Region const regions[] = {region<disk::Superblock>()};
  mutate(input, sector, regions, 3);
  (void)inspect::inspect_primary(sector, {disk.info().size, 512});
  return 0;
}
