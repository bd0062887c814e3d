#pragma once
// A device that keeps every write and barrier of what is done to it, for the crash states.

#include <xfsx/device.h>

#include <string>
#include <vector>

namespace xfsx::inline v0 {

struct RecordedEvent {
  enum class Kind : u8 {
    write,    ///< one request of a batch
    barrier,  ///< everything before is durable
    mark      ///< a named point, set by the test
  };
  Kind kind = Kind::write;
  bool durable = false;  ///< a write of write_durable(); a barrier follows its batch
  u64 offset = 0;        ///< bytes
  std::vector<std::byte> bytes{};
  std::string name{};  ///< of a mark
};

struct Recording {
  u32 sector = 512;  ///< bytes; what the recorded device writes atomically
  std::vector<RecordedEvent> events;
};

/// Passes everything on to another device and records what succeeded. The order inside a batch is
/// kept, though the device owes none.
class RecordingDevice final : public BlockDevice {
 public:
  explicit RecordingDevice(BlockDevice& below);

  [[nodiscard]] DeviceInfo info() const override { return below_.info(); }
  Result<void> read(std::span<ReadRequest const> batch) override { return below_.read(batch); }
  Result<void> write(std::span<WriteRequest const> batch) override;
  Result<void> flush() override;
  Result<void> write_durable(std::span<WriteRequest const> batch) override;
  Result<void> reserve(u64 offset, u64 length) override {
    return below_.reserve(offset, length);
  }
  [[nodiscard]] DeviceStats stats() const override { return below_.stats(); }

  /// Names this point of the recording, "commit durable" for example.
  void mark(std::string name);

  [[nodiscard]] Recording const& recording() const { return recording_; }

 private:
  void add(RecordedEvent::Kind kind, std::string name);
  void keep(std::span<WriteRequest const> batch, bool durable);

  BlockDevice& below_;
  Recording recording_;
};

}  // namespace xfsx::inline v0
