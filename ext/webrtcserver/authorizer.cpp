// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients that wait for a verdict, and sessions whose permission has to be renewed.
#include "authorizer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "auth_service.h"
#include "log.h"

GWS_LOG_CATEGORY("webrtcserver-auth", "who may publish");

namespace gws {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Clients that wait for a verdict, and the threads that wait for the application.
constexpr std::size_t kMaxCandidates = 256;
constexpr unsigned kMaxAtApplication = 32;
/// Connections to the service that have not ended yet, those of clients that left among them.
constexpr std::size_t kMaxExchanges = 1024;

/// The sessions that are there: each user's, with their streams.
using Users = std::multimap<std::string, std::string>;

/// A session, which asks the service again when its time is over.
class Grant final : public Session {
 public:
  Grant(AccessRequest request, const std::string &user, std::shared_ptr<Users> users,
        std::weak_ptr<AuthService> service, const AuthorizerTimes &times)
      : request_(std::move(request)),
        users_(std::move(users)),
        place_(users_->emplace(user, request_.stream)),
        service_(std::move(service)),
        times_(times) {}
  ~Grant() override { users_->erase(place_); }

  const AccessRequest &request() const override { return request_; }
  void onRevoked(std::function<void(const std::string &)> told) override REQUIRES(control);
  /// The service has said yes.
  void renew(const ServiceTerms &terms) REQUIRES(control);

 private:
  void askIn(milliseconds time) REQUIRES(control);
  void ask() REQUIRES(control);
  void onAnswer(const Result<AuthService::Answer> &answer) REQUIRES(control);
  void revoke() REQUIRES(control);
  void tell() REQUIRES(control);

  const AccessRequest request_;
  const std::shared_ptr<Users>
      users_;  ///< shared by the Authorizer's sessions, one may be the last
  const Users::iterator place_;
  const std::weak_ptr<AuthService> service_;
  const AuthorizerTimes times_;
  milliseconds duration_ GUARDED_BY(control){0};
  std::optional<Clock::time_point> overdueSince_ GUARDED_BY(control);
  ControlTimer timer_ GUARDED_BY(control);
  std::unique_ptr<AuthService::Question> question_ GUARDED_BY(control);
  bool revoked_ GUARDED_BY(control) = false;
  std::function<void(const std::string &)> told_ GUARDED_BY(control);
};

void Grant::onRevoked(std::function<void(const std::string &)> told) {
  told_ = std::move(told);
  if (revoked_) tell();
}

void Grant::renew(const ServiceTerms &terms) {
  duration_ = terms.durationS ? std::chrono::seconds(*terms.durationS) : times_.duration;
  overdueSince_.reset();
  askIn(duration_);
}

void Grant::askIn(milliseconds time) {
  timer_.start(unsigned(time.count()), [this] {
    onControlThread();
    timer_.stop();
    ask();
  });
}

void Grant::ask() {
  auto service = service_.lock();
  if (!service) return;
  if (!overdueSince_) overdueSince_ = Clock::now();
  question_ = service->ask(request_, AuthService::Type::UpdateSession,
                           [this](const Result<AuthService::Answer> &answer) {
                             onControlThread();
                             onAnswer(answer);
                           });
}

void Grant::onAnswer(const Result<AuthService::Answer> &answer) {
  question_.reset();
  if (answer && answer->allows()) return renew(answer->terms);
  if (answer) return revoke();
  const auto until = *overdueSince_ + std::max(duration_, times_.patience);
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  if (left <= milliseconds(0)) return revoke();
  askIn(std::min(left, times_.retry));
}

void Grant::revoke() {
  GST_INFO("stream %s: the permission has ended", request_.stream.c_str());
  revoked_ = true;
  tell();
}

/// May end this.
void Grant::tell() {
  if (auto once = std::exchange(told_, nullptr)) once("the permission to publish has ended");
}

struct Authorizer::Impl : std::enable_shared_from_this<Impl> {
  struct Candidate {
    AccessRequest request;
    Verdict verdict;
    bool asked = false;  ///< has had its turn with the application
    std::unique_ptr<AuthService::Question> question;
  };

  Impl(ElementSide &itsElement, std::weak_ptr<ControlThread> itsThread, Workers &itsWorkers)
      : element(itsElement), thread(std::move(itsThread)), workers(itsWorkers) {}

  unsigned ask(AccessRequest request, Verdict verdict) REQUIRES(control);
  std::shared_ptr<Session> letIn(AccessRequest request) REQUIRES(control);
  void askApplication() REQUIRES(control);
  void onApplication(unsigned id, bool allowed) REQUIRES(control);
  void onService(unsigned id, const Result<AuthService::Answer> &answer) REQUIRES(control);
  Result<std::shared_ptr<Session>> decide(const AccessRequest &request,
                                          const Result<AuthService::Answer> &answer)
      REQUIRES(control);
  /// May end the Authorizer.
  void give(unsigned id, Result<std::shared_ptr<Session>> verdict) REQUIRES(control);

  ElementSide &element;
  const std::weak_ptr<ControlThread> thread;  ///< weak, since its end must not come from itself
  Workers &workers;
  AuthorizerTimes times;
  std::shared_ptr<AuthService> service;  ///< shared, so that sessions can see its end
  const std::shared_ptr<Users> users = std::make_shared<Users>();
  std::map<unsigned, Candidate> candidates GUARDED_BY(control);  ///< by id, the oldest first
  unsigned atApplication GUARDED_BY(control) = 0;
  unsigned nextId GUARDED_BY(control) = 1;
};

std::shared_ptr<Session> Authorizer::Impl::letIn(AccessRequest request) {
  return std::make_shared<Grant>(std::move(request), std::string(), users, service, times);
}

unsigned Authorizer::Impl::ask(AccessRequest request, Verdict verdict) {
  if (candidates.size() >= kMaxCandidates || (service && service->busy() >= kMaxExchanges)) {
    verdict(Error{503, "Too many clients wait to be let in. Try again later."});
    return 0;
  }
  if (!service && !element.asksApplication()) {
    verdict(letIn(std::move(request)));
    return 0;
  }
  const unsigned id = nextId++;
  candidates[id] = {std::move(request), std::move(verdict), false, nullptr};
  askApplication();
  return id;
}

void Authorizer::Impl::askApplication() {
  for (auto &[id, candidate] : candidates) {
    if (atApplication >= kMaxAtApplication) return;
    if (std::exchange(candidate.asked, true)) continue;
    atApplication++;
    auto job = [&side = element, weakThread = thread, weak = weak_from_this(), number = id,
                request = candidate.request] {
      const bool allowed = side.authorize(request);
      auto control = weakThread.lock();
      if (!control) return;
      control->post([weak, number, allowed] {
        onControlThread();
        if (auto self = weak.lock()) self->onApplication(number, allowed);
      });
    };
    workers.run(std::move(job));
  }
}

void Authorizer::Impl::onApplication(unsigned id, bool allowed) {
  atApplication--;
  askApplication();
  auto found = candidates.find(id);
  if (found == candidates.end()) return;
  Candidate &candidate = found->second;
  if (!allowed) {
    GST_INFO("stream %s: the application refuses a client", candidate.request.stream.c_str());
    return give(id, Error{403, "You may not publish this stream."});
  }
  if (!service) return give(id, letIn(std::move(candidate.request)));
  candidate.question =
      service->ask(candidate.request, AuthService::Type::NewSession,
                   [weak = weak_from_this(), id](const Result<AuthService::Answer> &answer) {
                     onControlThread();
                     if (auto self = weak.lock()) self->onService(id, answer);
                   });
}

void Authorizer::Impl::onService(unsigned id, const Result<AuthService::Answer> &answer) {
  auto found = candidates.find(id);
  if (found == candidates.end()) return;
  give(id, decide(found->second.request, answer));
}

/// Nothing of the service's answer or of the request is repeated to the client.
static Error refusal(unsigned status) {
  switch (status) {
    case 401:
      return {401, "Publishing this stream needs an authorisation."};
    case 404:
      return {404, "There is no such stream here."};
    case 409:
      return {409, "This stream cannot be published now."};
    default:
      return {403, "You may not publish this stream."};
  }
}

Result<std::shared_ptr<Session>> Authorizer::Impl::decide(
    const AccessRequest &request, const Result<AuthService::Answer> &answer) {
  const char *stream = request.stream.c_str();
  if (!answer) return Error{503, "Whether you may publish cannot be decided now. Try again later."};
  if (!answer->allows()) {
    GST_INFO("stream %s: the service refuses a client with %u", stream, answer->status);
    return refusal(answer->status);
  }
  const std::string user =
      answer->userId.empty() ? "token " + request.token : "id " + answer->userId;
  const auto max = answer->terms.maxSessions;
  // Between two of one stream duplicate-policy decides: so who was lost can return.
  auto [begin, end] = users->equal_range(user);
  const auto others = std::count_if(
      begin, end, [&](const auto &session) { return session.second != request.stream; });
  if (max && unsigned(others) >= *max) {
    GST_INFO("stream %s: a client's user has %u sessions already", stream, *max);
    return Error{403, "There are too many sessions of this user."};
  }
  auto session = std::make_shared<Grant>(request, user, users, service, times);
  session->renew(answer->terms);
  return std::shared_ptr<Session>(std::move(session));
}

void Authorizer::Impl::give(unsigned id, Result<std::shared_ptr<Session>> verdict) {
  auto candidate = candidates.extract(id);
  candidate.mapped().verdict(std::move(verdict));
}

Result<void> Authorizer::checkUrl(const std::string &authUrl) {
  if (authUrl.empty()) return {};
  return AuthService::checkUrl(authUrl);
}

Authorizer::Authorizer(ElementSide &element, std::shared_ptr<ControlThread> thread,
                       Workers &workers, const std::string &authUrl, AuthorizerTimes times)
    : impl_(std::make_shared<Impl>(element, thread, workers)) {
  impl_->times = times;
  if (!authUrl.empty()) impl_->service = std::make_shared<AuthService>(authUrl, times.answer);
}

void Authorizer::refuseAll(const std::string &reason) {
  const auto impl = impl_;  // a verdict may end this
  while (!impl->candidates.empty())
    impl->give(impl->candidates.begin()->first, Error{503, reason});
}

/// A verdict or an answer that is being given may hold the rest a moment longer.
Authorizer::~Authorizer() {
  onControlThread();
  impl_->candidates.clear();
  impl_->service.reset();
}

unsigned Authorizer::ask(AccessRequest request, Verdict verdict) {
  return impl_->ask(std::move(request), std::move(verdict));
}

void Authorizer::cancel(unsigned id) { impl_->candidates.erase(id); }

}  // namespace gws
