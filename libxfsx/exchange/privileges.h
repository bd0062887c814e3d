#pragma once
// What would lend the contents of one file the privileges of the other.

#include "inode/inode.h"
#include "txn/transaction.h"

#include <xfsx/exchange.h>

namespace xfsx::inline v0 {

/// Takes from a file, in its private copy, the privileges that an exchange does not keep, and says
/// in `side` which it had, and how many blocks the file has then. Errors: those of remove_attribute.
Result<void> settle_privileges(Transaction& txn, Inode const& inode, Bytes copy,
                               ExchangeRequest const& request, ExchangeSide& side);

}  // namespace xfsx::inline v0
