#pragma once
// One run of one verb: the options that all verbs share, the image, and the only ways in which a
// verb speaks: data to stdout, warnings and progress to stderr, and an Error that it returns.

#include <xfsx/device.h>
#include <xfsx/result.h>

#include "environment.h"
#include "inspect/value.h"
#include "json.h"

#include <string>

namespace xfsx::inline v0::cli {

using inspect::Value;

enum class When : u8 { automatic, always, never };

struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool hex_path = false;
  bool no_recovery = false;   ///< a dirty filesystem is shown as it lies on the device
  std::optional<u64> offset;  ///< bytes
  u32 partition = 0;          ///< 0 if not given
  std::string log_device, realtime_device;  ///< paths; empty for none
  IoBackend io = IoBackend::automatic;
  When color = When::automatic;
  When progress = When::automatic;
};

/// What a verb does to the devices of a filesystem.
enum class Access : u8 {
  read,
  write,          ///< to the data device
  write_further,  ///< to the further devices too
};

/// The devices of a filesystem, open.
struct Devices {
  std::unique_ptr<BlockDevice> data, log, realtime;

  [[nodiscard]] FurtherDevices further() const { return {log.get(), realtime.get()}; }
};

class Session {
 public:
  Session(Environment& environment, GlobalOptions const& options)
      : environment_(environment), options_(options), started_(environment.uptime()) {}

  /// The image that the verb works on, as the person wrote it; messages begin with it.
  void set_image(std::string image) { image_ = std::move(image); }
  [[nodiscard]] std::string const& image() const { return image_; }
  [[nodiscard]] GlobalOptions const& options() const { return options_; }
  [[nodiscard]] Environment& environment() { return environment_; }

  /// Opens the image as the options say, and the further devices that they name. Errors: those of
  /// open_device.
  Result<Devices> open(Access access);

  /// Writes data to stdout. Errors: io with the errno of the write.
  Result<void> print(std::string_view data);
  /// A document with what all documents have: schema, verb, image.
  [[nodiscard]] Value document(std::string_view verb) const;
  /// Writes the one JSON document of a run to stdout.
  Result<void> print_document(Value const& document);
  /// The same, with `list` as its last member `key`.
  Result<void> print_document(Value const& document, std::string_view key, JsonList const& list);

  /// All of a document but its end, up to the opening quote of one more member `key`, whose text
  /// (which needs no escaping) and `"}` the caller prints.
  Result<void> print_open_document(Value const& document, std::string_view key);

  /// A line on stderr that does not stop the verb. `code` is a stable identifier for JSON.
  void warn(std::string_view code, std::string_view message);
  /// A line that is shown only with -v.
  void tell(std::string_view message);
  /// How far the verb has come; shown when it is due. `total` 0: not known.
  void progress(std::string_view what, u64 done, u64 total);

  /// Tells an error about `file` and lets the verb go on.
  void problem(std::string_view file, Error const& error);

  /// What could be done was done, and something could not: the exit status says so.
  void set_incomplete() { incomplete_ = true; }
  [[nodiscard]] bool incomplete() const { return incomplete_; }

  /// For verbs that write: from now on an operational error says what became of the image.
  void set_writes() { writes_ = true; }

  /// Errc::cancelled if the person asked to stop.
  Result<void> check_cancelled();

  /// Says what went wrong and returns the exit status.
  int fail(Error const& error);
  /// True after stdout's reader has gone away, which is no error.
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }
  /// Ends the output: what was kept back is written. Errors: io.
  Result<void> finish();

 private:
  Result<std::unique_ptr<BlockDevice>> open_further(std::string const& path, DeviceRole role,
                                                    bool writable) const;
  void message(std::string_view kind, std::string_view code, std::string_view text);
  /// `text` without control characters: names on disk must not steer a terminal or break a line.
  void line(std::string_view mark, std::string_view color, std::string_view text);
  [[nodiscard]] bool colored() const;
  Result<void> written(int status);

  Environment& environment_;
  GlobalOptions options_;
  std::string image_;
  bool reader_gone_ = false;
  bool writes_ = false;
  bool incomplete_ = false;
  double next_progress_ = 1.0;
  double started_;
};

/// A line that needs no session: `xfsx: message`, or a JSON object.
int fail_usage(Environment& environment, bool json, std::string_view message);

}  // namespace xfsx::inline v0::cli
