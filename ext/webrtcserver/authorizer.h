// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks the application and the operator's service whether a client may publish.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "access.h"
#include "control_thread.h"
#include "element_side.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"
#include "workers.h"

namespace gws {

/// A client that was let in, for as long as it is there. Control thread. Its end frees its place
/// among the sessions of its user and stops the questions to the service.
class Session {
 public:
  virtual ~Session() = default;
  virtual const AccessRequest &request() const = 0;
  /// Called at most once, when the service takes its permission back; the reason is fit for the
  /// client. What was taken back before is told at once, from inside this.
  virtual void onRevoked(std::function<void(const std::string &reason)> told) REQUIRES(control) = 0;
};

/// Tests have less time.
struct AuthorizerTimes {
  std::chrono::milliseconds answer{5'000};      ///< the service's answer may take so long
  std::chrono::milliseconds duration{180'000};  ///< of a permission without X-AuthDuration
  std::chrono::milliseconds retry{10'000};      ///< between questions that nobody answers
  /// A permission that ran out while nobody answers is good for as long again, and at least this.
  std::chrono::milliseconds patience{30'000};
};

/// Owned by a StreamHost; control thread, its end too, but not its beginning. Never blocks. First
/// the application's signal `authorize` is asked (on a worker: a handler may block), then the
/// service of `auth-url`, if there is one. Its sessions may outlive it; they are not asked about
/// any more then.
class Authorizer {
 public:
  /// An error's code is an HTTP status (401, 403, 404, 409 or 503), its detail one sentence.
  using Verdict = std::function<void(Result<std::shared_ptr<Session>>)>;

  /// What `auth-url` is checked with, before an element starts.
  static Result<void> checkUrl(const std::string &authUrl);

  /// `authUrl` is empty, or one that checkUrl() takes.
  Authorizer(ElementSide &element, std::shared_ptr<ControlThread> thread, Workers &workers,
             const std::string &authUrl, AuthorizerTimes times = {});
  /// Questions on their way are dropped: their verdicts are never given.
  ~Authorizer();
  Authorizer(const Authorizer &) = delete;

  /// `verdict` is called once, on the control thread, from inside this or later. Returns an id for
  /// cancel(), 0 when the verdict has been given already. A verdict may end the Authorizer.
  unsigned ask(AccessRequest request, Verdict verdict) REQUIRES(control);
  /// The client is gone: its verdict is not called.
  void cancel(unsigned id) REQUIRES(control);
  /// Gives every verdict that is still owed: 503 with that reason.
  void refuseAll(const std::string &reason) REQUIRES(control);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< shared with answers that are on their way
};

}  // namespace gws
