#pragma once
// Records made up for tests: operations one after another, without a log around them.

#include "base/view.h"
#include "log/assemble.h"

#include <vector>

namespace xfsx::test {

class OpsRecord {
 public:
  OpsRecord& op(u32 tid, u8 flags, ConstBytes payload = {},
                u8 client = disk::log_op::client_transaction) {
    disk::LogOpHeader header{};
    header.tid = tid;
    header.len = static_cast<u32>(payload.size());
    header.clientid = client;
    header.flags = flags;
    append(bytes_of(header));
    append(payload);
    ++ops_;
    return *this;
  }
  OpsRecord& start(u32 tid) {
    disk::TransactionHeader header{};
    header.magic = disk::transaction_magic;
    header.tid = tid;
    return op(tid, disk::log_op::start).op(tid, 0, bytes_of(header));
  }
  OpsRecord& commit(u32 tid) { return op(tid, disk::log_op::commit); }

  /// Valid as long as this is.
  [[nodiscard]] LogRecord record(u32 block, u32 format = disk::log_format_linux_le) const {
    LogRecord record;
    record.block = block;
    record.pending = true;
    record.header.lsn = Lsn(5, LogBlock(block));
    record.header.fmt = format;
    record.header.num_logops = ops_;
    record.data = data_;
    return record;
  }

 private:
  void append(ConstBytes bytes) { data_.insert(data_.end(), bytes.begin(), bytes.end()); }

  std::vector<std::byte> data_;
  u32 ops_ = 0;
};

/// Keeps all that comes out of an assembler.
class KeptTransactions final : public LogSink {
 public:
  Result<void> unmounted(LogRecord const&) override {
    ++unmounts;
    return success();
  }
  Result<void> committed(LogTransaction& transaction) override {
    all.push_back(std::move(transaction));
    return success();
  }
  Result<void> abandoned(LogTransaction& transaction) override {
    left.push_back(std::move(transaction));
    return success();
  }

  std::vector<LogTransaction> all;   ///< committed
  std::vector<LogTransaction> left;  ///< not
  unsigned unmounts = 0;
};

/// The bytes of numbers below 256.
inline std::vector<std::byte> bytes(std::initializer_list<int> numbers) {
  std::vector<std::byte> all;
  for (int const n : numbers) all.push_back(static_cast<std::byte>(n));
  return all;
}

}  // namespace xfsx::test
