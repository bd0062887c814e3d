#include "posix_acl.h"

#include "base/endian.h"
#include "base/view.h"

namespace xfsx::inline v0::cli {

namespace {

/// On disk a count, and entries behind it.
struct StoredEntry {
  be32 tag;
  be32 id;
  be16 permissions;
  be16 pad;
};

/// What setxattr(2) takes: a version, and entries behind it.
struct HostEntry {
  le16 tag;
  le16 permissions;
  le32 id;
};

constexpr u32 host_version = 2;
constexpr u32 tag_user = 0x02;
constexpr u32 tag_group = 0x08;
constexpr u32 no_id = 0xffffffff;
constexpr u32 known_tags = 0x3f;
constexpr u32 permission_bits = 7;

Error bad_acl(std::string_view field, u64 found, u64 expected) {
  Error e = make_error(Errc::bad_value, 0, {});
  e.structure = "acl";
  e.field = field;
  e.relation = Relation::at_most;
  e.found.number = found;
  e.expected.number = expected;
  return e;
}

Result<std::vector<std::byte>> host_acl(ConstBytes stored) {
  u64 const room =
      stored.size() < sizeof(be32) ? 0 : (stored.size() - sizeof(be32)) / sizeof(StoredEntry);
  if (stored.size() < sizeof(be32)) return bad_acl("count", 0, 0);
  u32 const count = view_as<be32>(stored).value();
  if (count > room) return bad_acl("count", count, room);
  std::vector<std::byte> value(sizeof(le32) + count * sizeof(HostEntry));
  edit_as<le32>(value) = host_version;
  std::span<HostEntry> const out = edit_array<HostEntry>(value, sizeof(le32), count);
  std::span<StoredEntry const> const in = view_array<StoredEntry>(stored, sizeof(be32), count);
  for (u32 i = 0; i < count; ++i) {
    u32 const tag = in[i].tag.value();
    if (tag > known_tags) return bad_acl("tag", tag, known_tags);
    if (in[i].permissions.value() > permission_bits) {
      return bad_acl("perm", in[i].permissions.value(), permission_bits);
    }
    bool const named = tag == tag_user || tag == tag_group;
    out[i].tag = static_cast<u16>(tag);
    out[i].permissions = in[i].permissions.value();
    out[i].id = named ? in[i].id.value() : no_id;
  }
  return value;
}

}  // namespace

Result<std::optional<HostAttribute>> host_attribute(Attribute const& attribute) {
  if (attribute.space == AttributeSpace::parent) return std::optional<HostAttribute>();
  HostAttribute host;
  bool const trusted = attribute.space == AttributeSpace::trusted;
  if (trusted && attribute.name == "SGI_ACL_FILE") {
    host.name = "system.posix_acl_access";
    XFSX_TRY(host.value, host_acl(attribute.value));
  } else if (trusted && attribute.name == "SGI_ACL_DEFAULT") {
    host.name = "system.posix_acl_default";
    XFSX_TRY(host.value, host_acl(attribute.value));
  } else {
    host.name = std::string(to_string(attribute.space)) + "." + attribute.name;
    host.value = attribute.value;
  }
  return std::optional<HostAttribute>(std::move(host));
}

}  // namespace xfsx::inline v0::cli
