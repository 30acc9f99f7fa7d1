// SPDX-License-Identifier: LGPL-2.1-or-later
// The operator's own service behind `auth-url`, asked over HTTP who may publish.
#pragma once

#include <libsoup/soup.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access.h"
#include "gst/common/gobj.h"
#include "gst/common/result.h"
#include "gst/common/threads.h"

namespace gws {

/// Each question is a POST on a connection of its own. Status and headers are the answer; its body
/// is not waited for. Redirects are not followed and proxies are not used. Control thread, but for
/// the constructor.
class AuthService {
  struct Exchange;

 public:
  struct Answer {
    unsigned status = 0;
    ServiceTerms terms;
    std::string userId;  ///< X-UserId; empty: there is none
    bool allows() const { return status / 100 == 2; }
  };
  /// An error means that there was no answer; it is in the log already.
  using Told = std::function<void(const Result<Answer> &)>;

  /// A question that has not been answered; its end drops it.
  class Question {
   public:
    explicit Question(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    ~Question();
    Question(const Question &) = delete;

   private:
    const std::shared_ptr<Exchange> exchange_;  ///< shared with libsoup, which ends it later
  };

  /// The error does not repeat the URL, which may hold secrets.
  static Result<void> checkUrl(const std::string &url);

  /// `url` is one that checkUrl() takes; with a user and a password in it, they go along as Basic
  /// credentials. What is not answered within `timeout`, from the look-up of the name to the last
  /// header, is an error.
  AuthService(const std::string &url, std::chrono::milliseconds timeout);
  /// Drops every question.
  ~AuthService();
  AuthService(const AuthService &) = delete;

  enum class Type { NewSession, UpdateSession };
  /// `told` is called later, once.
  std::unique_ptr<Question> ask(const AccessRequest &request, Type type, Told told)
      REQUIRES(control);
  /// Questions whose connections have not ended yet, dropped ones among them.
  std::size_t busy() REQUIRES(control);

 private:
  Ref<SoupMessage> messageFor(const AccessRequest &request, Type type) const;
  void note(const Result<Answer> &answer) REQUIRES(control);

  const Owned<GUri, g_uri_unref> uri_;
  const std::chrono::milliseconds timeout_;
  Ref<SoupSession> session_ GUARDED_BY(control);  ///< made with the first question
  std::vector<std::weak_ptr<Exchange>> exchanges_ GUARDED_BY(control);
  bool outage_ GUARDED_BY(control) = false;
};

}  // namespace gws
