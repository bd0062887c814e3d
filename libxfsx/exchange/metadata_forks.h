#pragma once
// The exchange of forks that hold metadata: attribute forks, and the data forks of directories and
// symbolic links. The forks change places whole, what lies in the inode and what lies in blocks;
// every block says whose it is, and says so anew. Where both forks of an inode do not fit as it is
// divided, the border between them moves; where they fit nowhere, attributes that lie in the inode
// go to a leaf.

#include "exchange/edited_file.h"
#include "txn/transaction.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// Exchanges the forks in private copies: contents, sizes, block counts, owners, reverse mappings.
/// `plan` gets the way and the counts of blocks. Errors, with the operand where it is one file's:
/// those of reading; refused EOPNOTSUPP where the forks fit nowhere; ENOSPC.
Result<void> swap_metadata_forks(Transaction& txn, EditedFile const& first,
                                 EditedFile const& second, ExchangePlan& plan);

}  // namespace xfsx::inline v0
