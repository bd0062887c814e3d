#include "ag/tree_root.h"

#include "ag/headers.h"

namespace xfsx::inline v0 {

namespace {

bool has_tree(Geometry const& g, AgTree tree) {
  switch (tree) {
    case AgTree::finobt:
      return g.has_ro(ro_compat::finobt);
    case AgTree::rmapbt:
      return g.has_ro(ro_compat::rmapbt);
    case AgTree::refcountbt:
      return g.has_ro(ro_compat::reflink);
    default:
      return true;
  }
}

}  // namespace

Result<AgTreeRoot> find_tree_root(Volume& volume, AgNumber ag, AgTree tree) {
  if (!has_tree(volume.geometry(), tree)) {
    return refuse(EOPNOTSUPP, "the filesystem does not have this tree");
  }
  if (tree == AgTree::inobt || tree == AgTree::finobt) {
    XFSX_TRY(BufferRef const header, load_agi(volume, ag));
    disk::Agi const& agi = view_as<disk::Agi>(header->bytes());
    if (tree == AgTree::inobt) return AgTreeRoot{ag, agi.root.value(), agi.level.value()};
    return AgTreeRoot{ag, agi.free_root.value(), agi.free_level.value()};
  }
  XFSX_TRY(BufferRef const header, load_agf(volume, ag));
  disk::Agf const& agf = view_as<disk::Agf>(header->bytes());
  switch (tree) {
    case AgTree::bnobt:
      return AgTreeRoot{ag, agf.bnoroot.value(), agf.bnolevel.value()};
    case AgTree::cntbt:
      return AgTreeRoot{ag, agf.cntroot.value(), agf.cntlevel.value()};
    case AgTree::rmapbt:
      return AgTreeRoot{ag, agf.rmaproot.value(), agf.rmaplevel.value()};
    default:
      return AgTreeRoot{ag, agf.refcntroot.value(), agf.refcntlevel.value()};
  }
}

}  // namespace xfsx::inline v0
