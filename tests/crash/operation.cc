#include "crash/operation.h"

#include "base/crc32c.h"
#include "base/view.h"
#include "disk/log.h"
#include "exchange/lifted_fork.h"
#include "exchange/exchange.h"
#include "fs/impl.h"

namespace xfsx::test {

namespace {

// Times in the inodes have to move on, and to be the same in each run.
constexpr Timestamp exchange_time{1'900'000'000, 123'456'789};

std::string name_of(CommitStage stage) {
  switch (stage) {
    case CommitStage::log_write:
      return "log write";
    case CommitStage::durable:
      return "durable";
    case CommitStage::home:
      return "home";
    case CommitStage::clean:
      break;
  }
  return "clean";
}

/// Blocks as Linux may leave them, which replay of a checkpoint at the head would skip.
void set_lsn_to_head(MemoryDevice& disk, std::string const& path) {
  std::unique_ptr<Filesystem> const fs = Filesystem::open(disk).value();
  Volume& volume = *fs->impl().volume;
  Inode const inode = load_inode(volume, fs->resolve(path).value()).value();
  LiftedFork const fork = lift_fork(volume, inode, ForkKind::data).value();
  AlignedPool pool;
  for (BufferRef const& original : fork.btree) {
    std::shared_ptr<Buffer> const block = copy_of(*original, pool);
    stamp_block(*block->kind, block->data.bytes(), volume.log().value().head);
    disk.poke(block->daddr.raw() * basic_block_size, block->bytes());
  }
}

}  // namespace

std::unique_ptr<MemoryDevice> disk_before(Scenario const& scenario) {
  std::unique_ptr<MemoryDevice> disk = load_gz_image(scenario.image).value();
  u32 const sector = Filesystem::open(*disk).value()->info().value().sector_size;
  if (sector != disk->info().logical_sector) disk = load_gz_image(scenario.image, sector).value();
  if (scenario.lsn_at_head) set_lsn_to_head(*disk, scenario.file1);
  return disk;
}

Result<ExchangeReport> exchange_files(BlockDevice& device, Scenario const& scenario,
                                      std::function<void(CommitStage)> const& on_stage) {
  XFSX_TRY(std::unique_ptr<Filesystem> const fs, Filesystem::open(device));
  ExchangeRequest request;
  XFSX_TRY(request.file1, fs->resolve(scenario.file1));
  XFSX_TRY(request.file2, fs->resolve(scenario.file2));
  request.range = scenario.range;
  request.written_only = scenario.written_only;
  if (scenario.fork) {
    request.fork = *scenario.fork;
    request.metadata_forks = MetadataForks::consistent;
  }
  request.now = exchange_time;
  CommitOptions options;
  options.aids = scenario.aids;
  if (on_stage) options.on_stage = std::cref(on_stage);
  return guarded([&] { return run_exchange(*fs->impl().volume, request, options); });
}

Operation record_exchange(Scenario const& scenario) {
  Operation done;
  done.before = disk_before(scenario);
  done.after = done.before->snapshot();
  RecordingDevice recorder(*done.after);
  done.report = exchange_files(recorder, scenario, [&](CommitStage stage) {
                  recorder.mark(name_of(stage));
                }).value();
  done.recording = recorder.recording();
  return done;
}

u32 fingerprint(Recording const& recording) {
  Crc32c sum;
  for (RecordedEvent const& event : recording.events) {
    std::array<u64, 2> const head{static_cast<u64>(event.kind), event.offset};
    sum.feed(std::as_bytes(std::span(head)));
    sum.feed(event.bytes);
  }
  return sum.value();
}

bool is_empty_records(ConstBytes bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += basic_block_size) {
    disk::LogRecordHeader const& header = view_as<disk::LogRecordHeader>(bytes.subspan(at));
    if (header.magicno.value() != disk::log_record_magic || header.len.value() != 0 ||
        header.num_logops.value() != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace xfsx::test
