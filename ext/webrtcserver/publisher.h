// SPDX-License-Identifier: LGPL-2.1-or-later
// One publisher's bin: webrtcbin, the elements of its tracks, and their way into the pads.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "certificate.h"
#include "element_side.h"
#include "gst/common/gobj.h"
#include "ice.h"
#include "intake.h"
#include "offer.h"
#include "protocol.h"
#include "traffic.h"
#include "workers.h"

namespace gws {

/// The answer is there; candidates follow, unless all are in it.
struct PublisherAnswered {
  std::string sdp;
};
struct PublisherCandidate {
  std::string candidate, mid;
  unsigned lineIndex;
};
/// DTLS is up and its certificate is the one of the offer; nothing passes before open().
struct PublisherConnected {};
/// Its sometimes pads are there, and media may pass.
struct PublisherOpened {};
/// ICE goes on as it was: a restart was not possible.
struct PublisherNotRestarted {};
/// It cannot go on: what the client is told.
struct PublisherFailed {
  CloseCode code;
  std::string reason;
};
/// The peer went away: DTLS closed, ICE failed.
struct PublisherLost {
  std::string reason;
};
/// Teardown is done; nothing follows.
struct PublisherGone {};
using PublisherEvent =
    std::variant<PublisherAnswered, PublisherCandidate, PublisherConnected, PublisherOpened,
                 PublisherNotRestarted, PublisherFailed, PublisherLost, PublisherGone>;

/// How candidates of ours get to the client.
enum class Candidates {
  Trickle,   ///< one by one, after the answer
  InAnswer,  ///< all of them, so the answer waits until they are gathered
};
struct PublisherLink {
  bool loopback = false;  ///< the client comes from this machine
  Candidates candidates = Candidates::Trickle;
};

/// The name of a publisher's bin, and the publisher's id in it.
std::string binName(const std::string &publisherId);
std::string publisherOfBin(std::string_view binName);

/// Made by the host on the control thread. Its functions return at once; the work runs on its
/// strand, where it may block without harm to anybody else. Events are reported from any thread.
/// Shared: callbacks of webrtcbin hold it weakly, jobs of the strand strongly.
class Publisher : public std::enable_shared_from_this<Publisher> {
 public:
  using Report = std::function<void(PublisherEvent)>;

  Publisher(ElementSide &element, Workers &workers, std::shared_ptr<const Publication> publication,
            Offer offer, Settings settings, PublisherLink link, Report report);
  ~Publisher();

  const std::string &id() const { return publication_->publisherId; }
  const std::string &stream() const { return publication_->stream; }

  void start();
  void addCandidate(std::string candidate);
  /// Where the answer waits for candidates: it goes out with those there are, if there are any.
  void answerNow();
  /// For a connected publisher: whether the offer restarts ICE and nothing else. Then that is done,
  /// and it reports an answer, its candidates and PublisherConnected again, or
  /// PublisherNotRestarted.
  [[nodiscard]] bool restart(const Offer &offer);
  /// The same without an offer: with the client's new credentials.
  void restart(const IceKeys &remote);
  /// Lets a connected publisher's media through to the pads. `succeeds`: somebody else feeds them
  /// still; then nothing passes before the first key frame.
  void open(bool succeeds);
  /// Call a few times a second: key frames that are missing are asked for again, and what is behind
  /// pads without data is kept in time.
  void tick();
  void requestKeyframe();
  /// Call now and then with what `max-bitrate` is: of a change the publisher is told by RTCP.
  void limitBitrate(unsigned maximum);
  /// How it ends: `wait` as for Track::end(), for request pads; with `backlog`, what a muxer has
  /// held up goes out before.
  struct End {
    std::optional<std::chrono::milliseconds> wait;
    bool backlog = false;
  };
  void end(End how);

  /// Monotonic µs of the last frame of any track, 0: none yet. Any thread.
  gint64 lastArrival() const { return intake_->lastArrival(); }
  /// Monotonic µs of the last RTP packet, 0: none yet. Any thread.
  gint64 lastPacket() const { return *intake_->lastPacket(); }
  /// Whether its first frames are out. Any thread.
  bool begun() const { return intake_->begun(); }
  /// Why there is no media connection yet, for people; empty: it cannot be told. Any thread.
  std::string obstacle() EXCLUDES(mutex_);
  /// What it sends, counted.
  Traffic &traffic() const { return *traffic_; }

 private:
  struct Line {
    Selection selection;
    Ref<GstPad> outlet;
    bool sometimes = false;
  };
  using Step = void (Publisher::*)(const GstStructure *reply);

  // On the strand.
  void run();
  Result<void> choose();
  Result<void> chooseLine(std::size_t media, std::vector<Ref<GstPad>> &reserved);
  std::string explainNoCodec(std::size_t media, GstCaps *accepted) const;
  void chooseClock();
  Result<void> build();
  Result<void> buildTrack(unsigned line);
  std::shared_ptr<FrameMeter> watchTraffic(const OfferedMedia &section, const OfferedCodec &offered,
                                           GstPad *rtpSink);
  void addTransceivers();
  void connectSignals();
  void watchRtpbin();
  void reduceRtcp();
  void watchTransport();
  void drainData();
  void negotiate();
  /// A promise for webrtcbin's next step, borrowed; `next` runs on the strand with the reply.
  GstPromise *promise(Step next);
  void awaitReply();
  void onRemoteSet(const GstStructure *reply);
  void onAnswerCreated(const GstStructure *reply);
  void onLocalSet(const GstStructure *reply);
  void onGathered();
  void reportAnswer(const Offer &offer, const std::vector<Selection> &selections);
  void answer();
  std::vector<std::string> localCandidates() EXCLUDES(mutex_);
  std::vector<Selection> selections() const;
  void restartIceFor(const Offer &offer, const std::vector<Selection> &selections);
  void reportCandidate(const std::string &candidate);
  void teardown(End how);
  void closeDtls();
  void takeCare();
  void skipUnfedPads();
  void keepQuietTrack(const Intake::Quiet &quiet);
  void tellCaps(const Intake::Quiet &quiet);
  enum class Afterwards { Keep, Retire };
  void keepTime(GstPad *outlet, Afterwards afterwards);
  void releasePads(End how);
  void releasePad(const Intake::Output &output, End how);

  // On webrtcbin's threads.
  void onPadAdded(GstPad *pad);
  void watchArrival(GstPad *pad);
  GstClockTime feedbackInterval() const;
  bool isSentAgain(std::uint32_t ssrc) const;
  void configureJitterBuffer(GstElement *buffer, std::uint32_t ssrc);
  void onLocalCandidate(const char *candidate);
  void onDtlsState(GObject *transport);
  void onIceState(GObject *webrtcbin);
  void onGatheringState(GObject *webrtcbin);
  bool isTheOffered(GObject *transport) const;
  void onDtlsElement(GstElement *element) EXCLUDES(mutex_);

  static std::shared_ptr<Publisher> lock(gpointer data);
  void connect(gpointer object, const char *signal, GCallback callback);

  ElementSide &element_;
  Workers &workers_;
  const std::shared_ptr<const Publication> publication_;
  const Offer offer_;
  const Settings settings_;
  const PublisherLink link_;
  const Report report_;
  const std::shared_ptr<Strand> strand_;
  const std::unique_ptr<Intake> intake_;
  const std::shared_ptr<Traffic> traffic_ = std::make_shared<Traffic>();  ///< see Traffic
  bool limited_ = false;  ///< max-bitrate has changed; the control thread's
  std::atomic<bool> hasUnfed_ = false;
  std::atomic<bool> cancelled_ = false;  ///< its end is on the strand's list

  Mutex mutex_;
  std::vector<std::string> localCandidates_ GUARDED_BY(mutex_);
  Ref<GstElement> dtlsEncoder_ GUARDED_BY(mutex_);

  // Only the strand; the lines do not change once it is connected.
  std::vector<Line> lines_;
  std::vector<Ref<GstPad>> unfed_;  ///< request pads of the stream that no line feeds
  bool opened_ = false;
  Ref<GstElement> bin_, webrtcbin_;
  Ref<GstClock> clock_;
  GstClockTime baseTime_ = 0;
  Ref<GObject> transport_;
  Certificate certificate_;
  Ref<GstPromise> promise_;      ///< kept, because webrtcbin frees the unanswered ones at its end
  std::shared_ptr<Sign> reply_;  ///< to it; shared with webrtcbin's thread
  std::string webrtcbinAnswer_;
  LocalTransport local_;
  std::vector<std::string> earlyCandidates_;
  bool localSet_ = false, gathered_ = false;
  std::atomic<bool> answered_ = false;  ///< by the strand alone
  bool ended_ = false;

  struct Connection {
    Ref<GObject> object;
    gulong id;
  };
  std::vector<Connection> connections_;
};

}  // namespace gws
