#include "recovered_image.h"

#include "open_image.h"
#include "recovery/recovery.h"

namespace xfsx::inline v0::cli {

namespace {

class RecoveredImage final : public BlockDevice {
 public:
  RecoveredImage(std::unique_ptr<BlockDevice> below, std::unique_ptr<Recovery> recovery)
      : below_(std::move(below)), recovery_(std::move(recovery)) {}

  [[nodiscard]] DeviceInfo info() const override { return below_->info(); }
  Result<void> read(std::span<ReadRequest const> batch) override {
    return recovery_->device().read(batch);
  }
  Result<void> write(std::span<WriteRequest const> batch) override {
    return recovery_->device().write(batch);
  }
  Result<void> flush() override { return success(); }

 private:
  std::unique_ptr<BlockDevice> below_;
  std::unique_ptr<Recovery> recovery_;
};

}  // namespace

Result<void> show_recovered(Session& session, Devices& devices) {
  if (session.options().no_recovery) return success();
  XFSX_TRY(bool const dirty, has_dirty_log(*devices.data, devices.further()));
  if (!dirty) return success();
  RecoverRequest request;
  request.devices = devices.further();
  Result<std::unique_ptr<Recovery>> recovery = Recovery::prepare(*devices.data, request);
  if (!recovery) {
    if (recovery.error().code == Errc::io) return recovery.error();
    warn(session, {Warning::Code::unrecoverable, 0, recovery.error()});
    return success();
  }
  warn(session, {Warning::Code::recovered_view, 0, std::nullopt});
  devices.data =
      std::make_unique<RecoveredImage>(std::move(devices.data), std::move(recovery.value()));
  return success();
}

}  // namespace xfsx::inline v0::cli
