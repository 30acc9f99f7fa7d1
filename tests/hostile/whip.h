// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP by hand (RFC 9725): requests as text, and the sessions that they make.
#pragma once

#include "dialogue.h"

namespace gws::hostile {

/// Host and, where there is a body, Content-Length are added.
struct Request {
  std::string method, target;
  std::string fields = {};  ///< header lines, each with its end
  std::string body = {};
};
std::string textOf(const Request &request);

/// What came; status 0: nothing.
struct HttpAnswer {
  Outcome outcome;
  int status = 0;
  std::string head, body;

  bool good() const { return status >= 200 && status < 300; }
  /// The value of a header; empty: it is not there.
  std::string field(const std::string &name) const;
};

/// The next answer that is final. With HEAD it has no body, whatever it says.
HttpAnswer readAnswer(HandSocket &socket, bool head = false);
/// One request on a connection of its own.
HttpAnswer ask(const HandSocket::Options &options, const Request &request);

inline std::string endpointOf(const std::string &stream) { return "/" + stream + "/whip"; }
Request postOf(const std::string &stream, const std::string &offer);

/// What a POST has made.
struct Ingest {
  HttpAnswer answer;
  std::string stream, offer;
  std::string path, id, etag;  ///< empty: none was made
  Reply reply;                 ///< the SDP answer
  bool live = false;           ///< media are connected

  bool made() const { return !path.empty(); }
  std::string statisticsPath() const { return "/" + stream + "/sessions/" + id; }
};

Ingest readIngest(const HttpAnswer &answer, const std::string &stream, const std::string &offer);
Ingest post(Session &session, const std::string &offer);

Request deleteOf(const Ingest &ingest);
Request patchOf(const Ingest &ingest, const std::string &fragment);
Request patchOf(const Ingest &ingest, const std::string &fragment, const std::string &ifMatch);
/// A fragment that asks for a restart of ICE.
std::string restartFragment(Session &session);
/// Says goodbye now and then; nobody else takes the session away before its time.
void leaveIngest(Session &session, const Ingest &ingest);

/// Restarts of ICE, again and again.
Outcome restartIngest(Session &session, Ingest ingest);
/// Restarts of ICE, and checks with the keys of all of them.
Outcome stormIngest(Session &session, Ingest ingest);
/// Something that nobody should do to a session, and what the last request got.
Outcome attackIngest(Session &session, Ingest ingest);

}  // namespace gws::hostile
