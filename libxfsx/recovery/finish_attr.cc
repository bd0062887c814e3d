#include "recovery/finish_attr.h"

#include "attr/remove.h"
#include "attr/set.h"
#include "base/view.h"
#include "disk/attr.h"
#include "disk/parent.h"
#include "quota/move.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace xfsx::inline v0 {

namespace {

namespace op = disk::attr_intent;

AttrIntent const& work_of(Intent const& intent) {
  return std::get<AttrIntent>(intent.work);
}

bool is_of_parents(AttrIntent const& work) {
  return work.operation >= op::parent_set;
}

AttributeSpace space_of(AttrIntent const& work) {
  if ((work.filter & disk::attr_flag::parent) != 0) return AttributeSpace::parent;
  if ((work.filter & disk::attr_flag::secure) != 0) return AttributeSpace::security;
  return (work.filter & disk::attr_flag::root) != 0 ? AttributeSpace::trusted
                                                    : AttributeSpace::user;
}

AttributeName name_of(AttrIntent const& work, ConstBytes name, ConstBytes value) {
  AttributeSpace const space = space_of(work);
  bool const parent = space == AttributeSpace::parent;
  return {space, text_of(name), parent ? value : ConstBytes{}, false};
}

/// One transaction that changes attributes of an inode.
Result<void> step(Finishing& finishing, Intent const& intent,
                  std::function<Result<bool>(Transaction&, Inode const&, Bytes)> const& change,
                  bool& changed) {
  Volume& volume = finishing.bench.volume();
  XFSX_TRY(Inode const inode, load_inode_of(volume, intent, work_of(intent).inode));
  Transaction txn(volume);
  XFSX_TRY(Bytes const copy, txn.edit_inode(inode.number, inode.place, inode.cluster));
  XFSX_TRY(changed, change(txn, inode, copy));
  if (!changed) return success();
  QuotaChange const counts = quota_change(inode.core(), edit_as<disk::Dinode>(copy), 0);
  XFSX_TRYV(move_quota(txn, {&counts, 1}, finishing.now, QuotaLimits::ignored));
  return finishing.bench.take(txn);
}

/// Every attribute of the name goes, those first whose writing was interrupted.
Result<void> remove_all(Finishing& finishing, Intent const& intent, AttributeName name) {
  for (bool const incomplete : {true, false}) {
    name.incomplete = incomplete;
    bool more = true;
    while (more) {
      auto const remove = [&](Transaction& txn, Inode const& inode, Bytes copy) {
        return remove_by_hash(txn, inode, copy, name);
      };
      XFSX_TRYV(step(finishing, intent, remove, more));
    }
  }
  return success();
}

Result<void> set(Finishing& finishing, Intent const& intent, AttributeName const& name,
                 ConstBytes value) {
  XFSX_TRYV(remove_all(finishing, intent, name));
  auto const add = [&](Transaction& txn, Inode const& inode, Bytes copy) -> Result<bool> {
    XFSX_TRYV(add_attribute(txn, inode, copy, name, value));
    return true;
  };
  bool changed = false;
  return step(finishing, intent, add, changed);
}

Result<void> check_feature(Volume& volume, Intent const& intent) {
  Features const& features = volume.geometry().features();
  bool const announced = is_of_parents(work_of(intent))
                             ? features.has_incompat(incompat::parent)
                             : (features.log_incompat & log_incompat::xattrs) != 0;
  if (announced) return success();
  return bad_intent(intent, {"op_flags", work_of(intent).operation, 0, Relation::none,
                             "the filesystem has no feature for such an operation"});
}

Result<void> check_name(Intent const& intent, std::span<std::byte const> name) {
  std::string_view const text = text_of(name);
  bool const bad = text.find('\0') != std::string_view::npos ||
                   (is_of_parents(work_of(intent)) && text.find('/') != std::string_view::npos);
  if (!bad) return success();
  return bad_intent(intent, {"name_len", name.size(), 0, Relation::none, "no name can be this"});
}

Result<void> check_parent_values(Intent const& intent) {
  AttrIntent const& work = work_of(intent);
  if ((work.filter & disk::attr_flag::namespaces) != disk::attr_flag::parent) {
    return bad_intent(intent, {"attr_filter", work.filter, disk::attr_flag::parent});
  }
  if (work.value.size() == sizeof(disk::ParentRecord)) return success();
  return bad_intent(intent, {"value_len", work.value.size(), sizeof(disk::ParentRecord)});
}

}  // namespace

Result<void> check_attr(Volume& volume, Intent const& intent) {
  AttrIntent const& work = work_of(intent);
  constexpr u32 known = disk::attr_flag::namespaces | disk::attr_flag::incomplete;
  if (work.operation < op::set || work.operation > op::parent_replace) {
    return bad_intent(intent, {"op_flags", work.operation, op::parent_replace, Relation::at_most});
  }
  XFSX_TRYV(check_feature(volume, intent));
  u32 const spaces = work.filter & disk::attr_flag::namespaces;
  if ((work.filter & ~known) != 0 || std::popcount(spaces) > 1) {
    return bad_intent(intent, {"attr_filter", work.filter, known, Relation::one_of_bits});
  }
  XFSX_TRYV(check_name(intent, work.name));
  XFSX_TRYV(check_name(intent, work.new_name));
  if (is_of_parents(work)) return check_parent_values(intent);
  if (spaces != disk::attr_flag::parent) return success();
  return bad_intent(intent, {"attr_filter", work.filter, 0, Relation::none,
                             "parent pointers have operations of their own"});
}

Result<void> finish_attr(Finishing& finishing, Intent const& intent) {
  AttrIntent const& work = work_of(intent);
  XFSX_TRY(Inode const inode, load_inode_of(finishing.bench.volume(), intent, work.inode));
  if (is_of_parents(work) && inode.generation() != work.generation) {
    return bad_intent(intent, {"igen", work.generation, inode.generation(), Relation::equal,
                               "the number belongs to another inode by now"});
  }
  AttributeName const name = name_of(work, work.name, work.value);
  bool const removes = work.operation == op::remove || work.operation == op::parent_remove;
  if (removes) return remove_all(finishing, intent, name);
  if (work.operation != op::parent_replace) return set(finishing, intent, name, work.value);
  XFSX_TRYV(remove_all(finishing, intent, name));
  return set(finishing, intent, name_of(work, work.new_name, work.new_value), work.new_value);
}

}  // namespace xfsx::inline v0
