#pragma once
// --undo FILE, of every verb that writes.

#include <xfsx/undo.h>

#include "parser.h"
#include "session.h"

#include <optional>
#include <string>

namespace xfsx::inline v0::cli {

/// Declares the option.
void declare_undo(Parser& parser, std::string& file);

/// Does a change of the filesystem on `devices`: with the undo file `file`, or as it is where that
/// is empty. The change reads and writes through the devices that it is handed and through no
/// others. Returns what the undo file holds. Errors: those of the change and of with_undo.
Result<std::optional<UndoSummary>> run_change(Session& session, Devices const& devices,
                                              std::string const& file,
                                              UndoableChange const& change);

/// `undo` of a document: the undo file that a change has left.
Value undo_value(std::string const& file, UndoSummary const& summary);

/// How the log stood when an undo file was made.
Value log_state_value(std::string_view name, UndoLogState const& log);

}  // namespace xfsx::inline v0::cli
