// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher in the process of a test: WebSocket signalling and webrtcbin as the offerer.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/common/media_source.h"
#include "tests/common/packet_hooks.h"
#include "tests/common/raw_socket.h"

namespace gws::test {

/// One m-line of the offer.
struct TrackOffer {
  TrackOffer(const char *names) : codecs(names) {}
  TrackOffer(std::string names, EncodedSource encoded = {})
      : codecs(std::move(names)), source(std::move(encoded)) {}

  std::string codecs;         ///< in the offer's order: "vp8,h264"; what the answer takes is sent
  EncodedSource source = {};  ///< instead of the live encoder; of the first codec
};

using Munge = std::function<std::string(std::string)>;

struct PublishOptions {
  /// ws://127.0.0.1:PORT/STREAM/webrtc/publish, or http://127.0.0.1:PORT/STREAM/whip. WHIP has no
  /// socket: waitClosed() has the POST's status once it was refused. It needs `trickle` false.
  std::string url;
  std::vector<TrackOffer> video = {"vp8"};
  std::vector<TrackOffer> audio = {"opus"};
  int width = 320, height = 240, fps = 30;
  unsigned bitrate = 500'000;  ///< bit/s, of each picture
  bool sendrecv = false;       ///< a client made with offerToReceiveAudio/Video
  bool retransmission = true;  ///< nack and rtx are offered
  bool trickle = true;         ///< false: the offer waits for all candidates and holds them
  bool candidatesBeforeOffer = false;
  bool bareCandidates = false;  ///< the message's `candidate` is the string, as old clients send it
  Munge mungeOffer = {};        ///< what is sent; webrtcbin keeps its own
  Munge mungeAnswer = {};       ///< what webrtcbin gets to see
  Headers headers = {};         ///< of the upgrade; "Origin" is taken from here
  std::string localAddress = {};         ///< the socket's own; empty: any
  std::string iceAddress = "127.0.0.1";  ///< where candidates are; empty: all but loopback
  PacketHooks packets = {};              ///< once DTLS is connected
};

struct TrackStats {
  std::string mid, codec;  ///< codec: what the answer took; empty when the m-line was refused
  unsigned frames = 0;     ///< encoded, after mute
  unsigned keyframes = 0;
  unsigned keyframeRequests = 0;  ///< GstForceKeyUnit events that reached the encoder
};

/// Moments in microseconds of g_get_monotonic_time(); 0: it has not happened.
struct PublishTimes {
  gint64 started = 0, socketOpen = 0, offerSent = 0, answered = 0, connected = 0;
};

/// Owner: the test. Any thread may call every method; those with a timeout wait. The media begin
/// when DTLS is connected, with a key frame, as a browser's do. The destructor is kill().
class PublishClient {
 public:
  explicit PublishClient(PublishOptions options);
  ~PublishClient();
  PublishClient(const PublishClient &) = delete;
  PublishClient &operator=(const PublishClient &) = delete;

  void start();
  /// DTLS is connected, and the media flow. False: not in time, or the socket was closed before.
  bool waitConnected(Timeout timeout = kDeadline);
  bool waitAnswered(Timeout timeout = kDeadline);
  SocketEnd waitClosed(Timeout timeout = kDeadline);
  /// At least so many frames of track `index` (video first) have left since the start.
  bool waitFrames(std::size_t index, unsigned frames, Timeout timeout = kDeadline);

  GstElement *webrtcbin() const { return webrtcbin_.get(); }

  /// A new webrtcbin and its offer on the same socket, as a page does after an ICE failure; after
  /// it waitAnswered(), waitConnected(), stats() and the SDPs are about the new one. The old one
  /// goes on sending, unless stopMedia() came before, and ends with the client. Not while another
  /// thread calls.
  void renegotiate();

  void sendText(const std::string &text) { socket_->sendText(text); }
  void sendBinary(const std::string &bytes) { socket_->sendBinary(bytes); }

  /// What a client does that the user stopped: close frame 1000 (WHIP: DELETE), then the media end.
  void closeGoodbye();
  /// What a browser does when the page is left: 1001.
  void closeGoingAway() { leave(1001); }
  /// A close frame alone; the media go on.
  void closeSocket(unsigned short code) { socket_->close(code); }
  /// The TCP connection breaks without a close frame; the media go on.
  void dropSocket() { socket_->drop(); }
  /// DTLS close_notify, then no RTP; the socket and ICE stay (the transport half of pc.close()).
  void closeDtls();
  /// No RTP from now on; RTCP, ICE and the socket go on.
  void stopMedia();
  /// The network is gone: nothing is sent any more and nobody says goodbye.
  void kill();

  void muteTrack(TrackKind kind, bool muted);
  /// A new size of every picture, in mid-stream.
  void requestSize(int width, int height);

  unsigned framesSent(TrackKind kind) const;
  unsigned keyframeRequestsSeen() const;
  std::vector<TrackStats> stats() const;  ///< in the offer's order, video first
  PublishTimes times() const { return state_.get().times; }
  std::string offerSdp() const { return state_.get().offer; }    ///< as it was sent
  std::string answerSdp() const { return state_.get().answer; }  ///< as it came
  HttpReply posted() const { return state_.get().posted; }       ///< WHIP: the POST's reply
  unsigned answersSeen() const { return state_.get().answers; }  ///< since start()
  std::vector<std::string> remoteCandidates() const { return state_.get().remoteCandidates; }
  /// What the server did against the protocol, and what failed in the client.
  std::vector<std::string> complaints() const { return state_.get().complaints; }

 private:
  struct Track;
  struct State {
    std::string offer, answer;
    std::vector<std::string> remoteCandidates, complaints;
    PublishTimes times;
    unsigned answers = 0;
    bool answered = false, connected = false, closed = false;
    HttpReply posted;
  };

  /// What an earlier offer was about.
  struct Former {
    Ref<GstElement> pipeline, webrtcbin;
    std::vector<std::unique_ptr<Track>> tracks;
  };

  void build();
  void addTrack(TrackKind kind, const TrackOffer &offer, unsigned index);
  void watchWebrtcbin();
  void createOffer();
  bool speaksWhip() const { return options_.url.starts_with("http"); }
  HttpReply ask(const char *method, const std::string &url, const std::string &body) const;
  void postOffer(const std::string &offer);
  void onOffer(const std::string &sdp);
  std::string renameMids(std::string sdp, bool outwards) const;
  void onGathered();
  void onLocalCandidate(unsigned line, const std::string &candidate);
  void sendOfferWhenReady();
  void sendCandidate(unsigned line, const std::string &candidate);
  void onMessage(const std::string &text);
  void onAnswer(const std::string &sdp);
  void onRemoteCandidate(const std::string &candidate, unsigned line);
  void onConnectionState();
  void startTrack(Track &track);
  void leave(unsigned short code);
  void teardown();
  void stop(Former &ended);
  void complain(const std::string &text);
  /// A promise whose reply comes to the loop's thread.
  GstPromise *promise(std::function<void(const GstStructure *)> reply);

  const PublishOptions options_;
  std::unique_ptr<RawSocket> socket_;
  Watched<State> state_;
  std::vector<std::unique_ptr<Track>> tracks_;  ///< of the last offer; video first
  std::vector<Former> former_;
  // The loop's thread alone.
  Ref<GstElement> pipeline_, webrtcbin_;
  Ref<GstPromise> pendingPromise_;
  std::string localOffer_;
  std::vector<std::pair<unsigned, std::string>> localCandidates_;  ///< not sent yet
  bool gathered_ = false, socketOpen_ = false, offerSent_ = false;
};

/// Every a=fingerprint of an SDP replaced by that of a certificate that nobody has.
std::string replaceFingerprint(const std::string &sdp);
/// The value of an attribute, the first one anywhere in the SDP; empty: it is not there.
std::string attributeOf(const std::string &sdp, const std::string &name);
/// One text replaced everywhere.
std::string replaceAll(std::string text, const std::string &what, const std::string &with);
/// The m= sections of an SDP; element 0 is the session's part.
std::vector<std::string> sdpSections(const std::string &sdp);

}  // namespace gws::test
