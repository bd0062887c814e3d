#pragma once
// Every structure of a filesystem in the words of inspect, found by following what leads to it: the
// headers of each allocation group, each block of their btrees, each inode in use, and of an inode
// the blocks that hold metadata: mappings, attributes, directories, link targets, and the data of
// the filesystem's own files.
//
// Nothing is verified on the way, so that damage in one place hides no more than what only that
// place leads to. Each block is looked at once, which also ends loops.

#include "inspect/inspect.h"

namespace xfsx::inline v0::inspect {

/// Who is told of each structure.
class StructureSink {
 public:
  virtual ~StructureSink() = default;
  /// `words`: what parse_target understands, as in `agf 0` and `fsblock 75`. An error ends the
  /// survey.
  virtual Result<void> structure(std::string const& words, Inspection const& found) = 0;
  /// Something leads to `words`, and there is nothing of the kind, or no such place.
  virtual Result<void> lost(std::string const& words, Error const& why) = 0;
};

/// Hands all structures to `sink`: group by group, inodes after the trees of their group. The log,
/// whose parts the caller finds, is left out. Memory: a few blocks, and a bit for each block of the
/// filesystem at most. Errors: io, and those of `sink`.
Result<void> survey(Geometry const& geometry, ByteSource& source, StructureSink& sink);

/// Who is told of each field.
class FieldSink {
 public:
  virtual ~FieldSink() = default;
  /// `path`: what find() understands.
  virtual Result<void> field(std::string const& path, Value const& value) = 0;
};

/// Hands each field of `found` that lies in one place to `sink`, in the order in which they are
/// shown. Errors: those of `sink`.
Result<void> for_each_field(Inspection const& found, FieldSink& sink);

}  // namespace xfsx::inline v0::inspect
