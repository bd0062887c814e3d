#pragma once
// Reverse mappings changed one by one, as Linux changes them when it finishes an intent: a run of
// blocks gets an owner and becomes one record with what lies beside it in the same file, or loses
// it and leaves what sticks out. The changes are gathered in memory; what the tree has to take out
// and put in comes out as one batch. The tree is one of an AG, or of a realtime group.

#include "btree/editor.h"

#include <map>
#include <tuple>
#include <vector>

namespace xfsx::inline v0 {

/// The tree that changes are made to.
class RmapSource {
 public:
  using Record = Rmapbt::Record;
  virtual ~RmapSource() = default;

  /// Records that have anything of `from` to `to`, both included, in order.
  virtual Result<std::vector<Record>> touching(u64 from, u64 to) = 0;
  /// An error about the records of a block.
  [[nodiscard]] virtual Error disagrees(u64 block, std::string_view reason) const = 0;
};

/// The tree of an AG, which must exist, in a filesystem with reverse mappings.
class AgRmaps final : public RmapSource {
 public:
  AgRmaps(Volume& volume, AgNumber ag) : volume_(volume), ag_(ag) {}

  Result<std::vector<Record>> touching(u64 from, u64 to) override;
  [[nodiscard]] Error disagrees(u64 block, std::string_view reason) const override;

 private:
  Volume& volume_;
  AgNumber ag_;
};

class RmapChanges {
 public:
  using Record = Rmapbt::Record;

  explicit RmapChanges(RmapSource& source) : source_(source) {}

  // Errors of all of these: those of reading; bad_value where the tree does not agree.

  /// The blocks of `run`, which is not empty, belong to its owner.
  Result<void> map(Record const& run);
  /// They do no longer: a record of that owner, in that state, covers all of them.
  Result<void> unmap(Record const& run);
  /// They change between written and unwritten; `run` says how they are afterwards.
  Result<void> convert(Record const& run);

  /// Records that have anything of `length` blocks from `start`.
  Result<std::vector<Record>> overlapping(u64 start, u64 length);

  /// What the tree has to take out and put in, in order.
  [[nodiscard]] std::vector<BtreeEdit<Rmapbt>> edits() const;

 private:
  /// Records of one owner and fork lie in the order of the file, where they have a place in one,
  /// and otherwise of the blocks.
  using Place = std::tuple<u64, bool, bool, u64, AgBlock>;
  static Place place_of(Record const& r);
  Result<void> look_around(u64 start, u64 length);
  void forget(Record const& r) { now_.erase(place_of(r)); }
  void keep(Record const& r) { now_.insert_or_assign(place_of(r), r); }

  RmapSource& source_;
  std::map<Rmapbt::Key, Record> before_;  // those that were looked at
  std::map<Place, Record> now_;
};

}  // namespace xfsx::inline v0
