// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in, by the application and by the operator's service, and for how long.
#include "tests/elements/authorizer.h"

using namespace gws;
using namespace gws::test;
using std::chrono::milliseconds;

namespace {

/// Short enough to wait for, long enough for an answer over loopback on a busy machine.
constexpr milliseconds kShortAnswer(1000);
/// A permission that has to be renewed at once.
constexpr AuthorizerTimes kRestless{.duration = milliseconds(20), .retry = milliseconds(20)};

/// Keeps the application's handlers until it opens.
class Barrier {
 public:
  explicit Barrier(Application &application) {
    application.decide = [this](const AccessRequest &) {
      return open_.waitFor([](bool open) { return open; });
    };
  }
  void open() { open_.set(true); }

 private:
  Watched<bool> open_;
};

std::string sessionOf(const Service::Question &question) { return question.member("session_id"); }

/// How often the session of a stream was asked about with that type.
std::size_t count(const Service &service, const std::string &stream, const std::string &type) {
  std::size_t found = 0;
  for (const auto &question : service.questions())
    found += question.member("name") == stream && question.member("request_type") == type;
  return found;
}

bool waitUpdates(Service &service, const std::string &stream, std::size_t updates) {
  const gint64 until = g_get_monotonic_time() + kDeadline.count() * 1000;
  while (count(service, stream, "update_session") < updates)
    if (g_get_monotonic_time() > until || !service.waitQuestions(service.questions().size() + 1))
      return false;
  return true;
}

}  // namespace

GST_START_TEST(verdict_withoutAService_isTheApplications) {
  Bench bench;
  bench.application.decide = [](const AccessRequest &request) {
    return request.stream == "wanted" && request.token == "tok-1" && request.origin != "";
  };
  Applicant &wanted = bench.ask(requestOf("wanted"));
  wanted.mustGet(0);
  bench.control->call([&wanted] {
    fail_unless_same_text(wanted.session->request().sessionId, "session-of-wanted");
  });
  bench.ask(requestOf("unwanted")).mustGet(403);
}
GST_END_TEST;

GST_START_TEST(verdict_afterTheApplicationsNo_doesNotAskTheService) {
  Service service;
  Bench bench({.url = service.url()});
  bench.application.decide = [](const AccessRequest &request) { return request.stream == "b"; };
  bench.ask(requestOf("a")).mustGet(403);
  bench.ask(requestOf("b")).mustGet(0);
  fail_unless_equals_int(service.questions().size(), 1);
  fail_unless_same_text(service.questions()[0].member("name"), "b");
}
GST_END_TEST;

GST_START_TEST(verdict_ofEachStatus_isAsDocumented) {
  Service service;
  Bench bench({.url = service.url()});
  const std::pair<unsigned, int> table[] = {
      {200, 0},   {201, 0},   {204, 0},   {299, 0},   {304, 403}, {400, 403}, {401, 401},
      {402, 403}, {403, 403}, {404, 404}, {407, 403}, {409, 409}, {418, 403}, {421, 403},
      {429, 403}, {500, 403}, {502, 403}, {503, 403}, {999, 403}};
  std::size_t asked = 0;
  for (const auto &[status, code] : table) {
    service.setScript(Service::status(status));
    bench.ask(requestOf("cam")).mustGet(code);
    fail_unless_equals_int(service.questions().size(), ++asked);
  }
}
GST_END_TEST;

GST_START_TEST(verdict_ofARefusal_repeatsNothing) {
  Service service([](SoupServerMessage *message, const Service::Question &) {
    soup_server_message_set_status(message, 401, "tok-1 has expired");
    soup_server_message_set_response(message, "text/plain", SOUP_MEMORY_STATIC, "tok-1 has expired",
                                     17);
  });
  Bench bench({.url = service.url()});
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(401);
  const std::string detail = applicant.wait().detail;
  for (const char *secret : {"tok-1", "expired", "cam", "192.0.2.7"})
    fail_unless(detail.find(secret) == std::string::npos, "%s", detail.c_str());
}
GST_END_TEST;

GST_START_TEST(verdict_ofARedirect_isNoAndNobodyFollows) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    if (question.path == "/decide") soup_server_message_set_redirect(message, 302, "/elsewhere");
  });
  Bench bench({.url = service.url()});
  bench.ask(requestOf("cam")).mustGet(403);
  for (const unsigned status : {301U, 303U, 307U, 308U}) {
    service.setScript([status](SoupServerMessage *message, const Service::Question &question) {
      if (question.path == "/decide")
        soup_server_message_set_redirect(message, status, "/elsewhere");
    });
    bench.ask(requestOf("cam")).mustGet(403);
  }
  for (const auto &question : service.questions())
    fail_unless_same_text(question.path, "/decide");
}
GST_END_TEST;

GST_START_TEST(question_toTheService_isAPostWithAllMembers) {
  Service service;
  Bench bench({.url = service.url("us%65r:p%40ss@", "/a%20b?key=1%2B2")});
  bench.ask(requestOf("room/cam")).mustGet(0);
  const Service::Question question = service.questions().at(0);
  fail_unless_same_text(question.method, "POST");
  fail_unless_same_text(question.path, "/a%20b");
  fail_unless_same_text(question.query, "key=1%2B2");
  auto header = [&question](const char *name) { return question.headers.at(name); };
  fail_unless_same_text(header("Content-Type"), "application/json");
  fail_unless_same_text(header("Authorization"), "Basic dXNlcjpwQHNz");
  fail_unless_same_text(header("Connection"), "close");
  const std::pair<const char *, const char *> members[] = {
      {"name", "room/cam"},
      {"proto", "webrtc"},
      {"ip", "192.0.2.7"},
      {"request_type", "new_session"},
      {"session_id", "session-of-room/cam"},
      {"token", "tok-1"},
      {"qs", "token=tok-1&room=1"},
      {"user_agent", "Test/1.0"},
      {"referer", "https://pages.example/room"},
      {"host", "server.example:8080"}};
  for (const auto &[name, value] : members)
    fail_unless_same_text(question.member(name), value);
}
GST_END_TEST;

GST_START_TEST(question_withAProxyInTheEnvironment_goesToTheService) {
  for (const char *name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"})
    g_setenv(name, "http://127.0.0.1:1", TRUE);
  g_unsetenv("no_proxy");
  Service service;
  Bench bench({.url = service.url()});
  bench.ask(requestOf("cam")).mustGet(0);
}
GST_END_TEST;

GST_START_TEST(service_thatNeverAnswers_is503) {
  Dribbler service;
  Bench bench({.url = service.url(), .times = {.answer = kShortAnswer}});
  bench.ask(requestOf("cam")).mustGet(503);
  fail_unless(service.waitAsked(1) && service.waitCut(1), "the connection is still open");
}
GST_END_TEST;

GST_START_TEST(service_thatDribbles_is503) {
  for (const char *begins : {"HTTP/1.1 200 OK\r\nX-Padding: ", "HTTP/1.1 1"}) {
    Dribbler service(begins);
    Bench bench({.url = service.url(), .times = {.answer = kShortAnswer}});
    bench.ask(requestOf("cam")).mustGet(503);
  }
}
GST_END_TEST;

GST_START_TEST(service_thatDribblesItsBody_hasAnsweredAndIsCut) {
  Dribbler service("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  Bench bench({.url = service.url()});
  bench.ask(requestOf("cam")).mustGet(0);
  bench.ask(requestOf("cam")).mustGet(0);
}
GST_END_TEST;

GST_START_TEST(service_withoutAHandshake_is503) {
  Dribbler service;
  Bench bench({.url = service.url("https"), .times = {.answer = kShortAnswer}});
  bench.ask(requestOf("cam")).mustGet(503);
}
GST_END_TEST;

GST_START_TEST(service_thatDoesNotListen_is503) {
  // Bound, so that nobody else gets the port, but not listening.
  auto socket = Ref<GSocket>::take(
      g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, nullptr));
  auto address = Ref<GSocketAddress>::take(g_inet_socket_address_new_from_string("127.0.0.1", 0));
  fail_unless(g_socket_bind(socket.get(), address.get(), FALSE, nullptr));
  address = Ref<GSocketAddress>::take(g_socket_get_local_address(socket.get(), nullptr));
  const unsigned port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get()));
  Bench bench({.url = "http://127.0.0.1:" + std::to_string(port)});
  bench.ask(requestOf("cam")).mustGet(503);
  bench.ask(requestOf("cam")).mustGet(503);
}
GST_END_TEST;

GST_START_TEST(service_withAnEndlessBody_hasAnsweredAndIsCut) {
  Service service;
  Bench bench({.url = service.url()});
  unsigned asked = 0;
  for (const auto &[status, code] :
       {std::pair(200U, 0), std::pair(401U, 401), std::pair(407U, 403), std::pair(421U, 403)}) {
    service.setScript(Service::endlessBody(status));
    bench.ask(requestOf("cam")).mustGet(code);
    fail_unless(service.waitCut(++asked), "the connection is still open after %u", status);
  }
  fail_unless_equals_int(service.questions().size(), asked);
}
GST_END_TEST;

GST_START_TEST(log_ofAnOutage_isOneWarningWithoutSecrets) {
  Log log;
  Service service(Service::neverAnswer);
  Bench bench({.url = service.url("user:pass-word@", "/decide?key=of-ours"),
               .times = {.answer = kShortAnswer}});
  bench.ask(requestOf("cam")).mustGet(503);
  bench.ask(requestOf("cam")).mustGet(503);
  fail_unless_equals_int(log.warnings(), 1);
  service.setScript(Service::status(403));
  bench.ask(requestOf("cam")).mustGet(403);
  fail_unless_equals_int(log.warnings(), 1);
  service.setScript(Service::neverAnswer);
  bench.ask(requestOf("cam")).mustGet(503);
  fail_unless_equals_int(log.warnings(), 2);
  bool named = false;
  for (const auto &line : log.lines()) {
    named |= line.text.find("127.0.0.1") != std::string::npos;
    for (const char *secret : {"pass-word", "of-ours", "tok-1", "dXNlcjpw"})
      fail_unless(line.text.find(secret) == std::string::npos, "%s", line.text.c_str());
  }
  fail_unless(named, "nothing names the service");
}
GST_END_TEST;

GST_START_TEST(url_thatCannotBeAsked_isRefusedWithoutBeingRepeated) {
  for (const char *good : {"", "http://a", "https://user:pw@[::1]:8443/x?y", "HTTP://a.example/"})
    fail_unless(Authorizer::checkUrl(good).ok(), "%s", good);
  for (const char *bad : {"a.example", "/x", "ftp://secret.example", "http:", "http://:80/secret",
                          "https:///secret", "http://a:secret", "javascript:1"}) {
    const auto checked = Authorizer::checkUrl(bad);
    fail_unless(!checked.ok(), "%s", bad);
    fail_unless(checked.error().detail.find("secret") == std::string::npos, "%s",
                checked.error().detail.c_str());
  }
}
GST_END_TEST;

GST_START_TEST(application_thatBlocks_holdsUpNobodyElse) {
  Service service;
  Bench bench({.url = service.url()});
  Watched<bool> open;
  bench.application.decide = [&open](const AccessRequest &request) {
    return request.stream != "slow" || open.waitFor([](bool now) { return now; });
  };
  Applicant &slow = bench.ask(requestOf("slow"));
  fail_unless(bench.application.asked.waitFor([](unsigned asked) { return asked == 1; }));
  bench.ask(requestOf("fast")).mustGet(0);
  fail_unless_equals_int(slow.outcome.get().verdicts, 0);
  open.set(true);
  slow.mustGet(0);
}
GST_END_TEST;

GST_START_TEST(application_withManyClients_isAskedByAtMost32AtOnce) {
  Bench bench;
  Barrier barrier(bench.application);
  std::vector<Applicant *> crowd;
  for (unsigned i = 0; i < 100; i++)
    crowd.push_back(&bench.ask(requestOf("cam" + std::to_string(i))));
  fail_unless(bench.application.asked.waitFor([](unsigned asked) { return asked >= 32; }));
  bench.control->call([] {});
  fail_unless_equals_int(bench.application.asked.get(), 32);
  barrier.open();
  for (Applicant *one : crowd)
    one->mustGet(0);
  fail_unless_equals_int(bench.application.asked.get(), 100);
}
GST_END_TEST;

GST_START_TEST(clients_beyondTheLimit_are503UntilOneLeaves) {
  Bench bench;
  Barrier barrier(bench.application);
  std::vector<Applicant *> crowd;
  for (unsigned i = 0; i < 256; i++)
    crowd.push_back(&bench.ask(requestOf("cam")));
  Applicant &oneTooMany = bench.ask(requestOf("cam"));
  oneTooMany.mustGet(503);
  fail_unless_equals_int(oneTooMany.id, 0);
  bench.cancel(*crowd.back());
  Applicant &last = bench.ask(requestOf("cam"));
  fail_unless(last.id != 0);
  barrier.open();
  last.mustGet(0);
  fail_unless_equals_int(crowd.back()->outcome.get().verdicts, 0);
  crowd.pop_back();
  for (Applicant *one : crowd)
    one->mustGet(0);
}
GST_END_TEST;

GST_START_TEST(clients_ofAReconnectionStorm_areAllAsked) {
  Service service;
  Bench bench({.url = service.url()});
  std::vector<Applicant *> crowd;
  for (unsigned i = 0; i < 200; i++)
    crowd.push_back(&bench.ask(requestOf("cam")));
  for (Applicant *one : crowd)
    one->mustGet(0);
}
GST_END_TEST;

GST_START_TEST(session_whoseTimeIsOver_isAskedAboutAgain) {
  Service service(Service::headers({{"X-AuthDuration", "1"}}));
  // Were the header not honoured, nothing would be asked again in time.
  Bench bench({.url = service.url()});
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(0);
  fail_unless(service.waitQuestions(3), "was not asked again");
  const auto questions = service.questions();
  fail_unless_same_text(questions[0].member("request_type"), "new_session");
  for (const auto &question : questions) {
    fail_unless_same_text(sessionOf(question), "session-of-cam");
    fail_unless_same_text(question.member("token"), "tok-1");
    if (&question != &questions[0])
      fail_unless_same_text(question.member("request_type"), "update_session");
  }
  fail_unless_same_text(applicant.revoked.get(), "");
}
GST_END_TEST;

GST_START_TEST(session_whoseUpdateIsRefused_isRevokedOnce) {
  for (const unsigned status : {401U, 302U, 500U}) {
    Service service([status](SoupServerMessage *message, const Service::Question &question) {
      if (question.member("request_type") == "update_session")
        soup_server_message_set_status(message, status, nullptr);
    });
    Bench bench({.url = service.url(), .times = kRestless});
    Applicant &applicant = bench.ask(requestOf("cam"));
    applicant.mustGet(0);
    fail_unless(applicant.revoked.waitFor([](const std::string &now) { return !now.empty(); }));
    fail_unless_same_text(applicant.revoked.get(), "the permission to publish has ended");
    fail_unless_equals_int(service.questions().size(), 2);
    Watched<std::string> again;
    bench.control->call([&] {
      onControlThread();
      applicant.session->onRevoked([&again](const std::string &reason) { again.set(reason); });
    });
    fail_unless_same_text(again.get(), "the permission to publish has ended");
  }
}
GST_END_TEST;

GST_START_TEST(session_whoseUpdateIsNotAnswered_isKeptAndAskedAboutAgain) {
  Service service(
      [updates = 0](SoupServerMessage *message, const Service::Question &question) mutable {
        if (question.member("request_type") == "update_session" && ++updates <= 2)
          Service::neverAnswer(message, question);
      });
  AuthorizerTimes times = kRestless;
  times.answer = milliseconds(300);
  Bench bench({.url = service.url(), .times = times});
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(0);
  fail_unless(waitUpdates(service, "cam", 5));
  fail_unless_same_text(applicant.revoked.get(), "");
}
GST_END_TEST;

GST_START_TEST(session_unansweredForTooLong_isRevoked) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    if (question.member("request_type") == "update_session")
      Service::neverAnswer(message, question);
  });
  AuthorizerTimes times = kRestless;
  times.answer = milliseconds(300);
  times.patience = milliseconds(1000);
  Bench bench({.url = service.url(), .times = times});
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(0);
  fail_unless(applicant.revoked.waitFor([](const std::string &now) { return !now.empty(); }));
  fail_unless(service.questions().size() >= 3, "was asked about once only");
}
GST_END_TEST;

GST_START_TEST(session_thatEnds_isNotAskedAboutAnyMore) {
  Service service;
  Bench bench({.url = service.url(), .times = kRestless});
  Applicant &gone = bench.ask(requestOf("gone"));
  Applicant &stays = bench.ask(requestOf("stays"));
  gone.mustGet(0);
  stays.mustGet(0);
  fail_unless(waitUpdates(service, "gone", 2));
  bench.leave(gone);
  const std::size_t asked = count(service, "gone", "update_session");
  fail_unless(waitUpdates(service, "stays", count(service, "stays", "update_session") + 5));
  // One may have been on its way.
  fail_unless(count(service, "gone", "update_session") <= asked + 1);
}
GST_END_TEST;

GST_START_TEST(session_afterItsAuthorizer_isNotAskedAboutAnyMore) {
  Service service;
  Bench bench({.url = service.url(), .times = kRestless});
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(0);
  fail_unless(waitUpdates(service, "cam", 1));
  bench.control->call([&bench] { bench.authorizer.reset(); });
  const std::size_t asked = service.questions().size();
  Bench other({.url = service.url(), .times = kRestless});
  other.ask(requestOf("other")).mustGet(0);
  fail_unless(waitUpdates(service, "other", 5));
  fail_unless(count(service, "cam", "update_session") + 1 <= asked + 1);
  bench.control->call(
      [&applicant] { fail_unless_same_text(applicant.session->request().stream, "cam"); });
}
GST_END_TEST;

GST_START_TEST(maxSessions_ofAUserId_countWhoIsThere) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    Service::headers({{"X-Max-Sessions", "2"}, {"X-UserId", question.member("name")}})(message,
                                                                                       question);
  });
  Bench bench({.url = service.url()});
  Applicant &first = bench.ask(requestOf("ann", "a"));
  first.mustGet(0);
  bench.ask(requestOf("ann", "b")).mustGet(0);
  Applicant &third = bench.ask(requestOf("ann", "c"));
  third.mustGet(403);
  fail_unless_same_text(third.wait().detail, "There are too many sessions of this user.");
  bench.ask(requestOf("bob", "a")).mustGet(0);
  bench.leave(first);
  bench.ask(requestOf("ann", "c")).mustGet(0);
  bench.ask(requestOf("ann", "c")).mustGet(403);
}
GST_END_TEST;

GST_START_TEST(maxSessions_withoutAUserId_countTokens) {
  Service service(Service::headers({{"X-Max-Sessions", "1"}}));
  Bench bench({.url = service.url()});
  bench.ask(requestOf("a", "ann")).mustGet(0);
  bench.ask(requestOf("b", "ann")).mustGet(403);
  bench.ask(requestOf("b", "bob")).mustGet(0);
  bench.ask(requestOf("c", "")).mustGet(0);
  bench.ask(requestOf("d", "")).mustGet(403);
  // Nobody chooses his token so that he takes another's place.
  service.setScript(Service::headers({{"X-Max-Sessions", "1"}, {"X-UserId", "ann"}}));
  bench.ask(requestOf("e", "zoe")).mustGet(0);
}
GST_END_TEST;

GST_START_TEST(maxSessions_ofAnUpdate_revokeNobody) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    const bool isUpdate = question.member("request_type") == "update_session";
    Service::headers({{"X-Max-Sessions", isUpdate ? "1" : "2"}})(message, question);
  });
  Bench bench({.url = service.url(), .times = kRestless});
  Applicant &first = bench.ask(requestOf("a"));
  Applicant &second = bench.ask(requestOf("b"));
  first.mustGet(0);
  second.mustGet(0);
  fail_unless(waitUpdates(service, "a", 2) && waitUpdates(service, "b", 2));
  fail_unless_same_text(first.revoked.get() + second.revoked.get(), "");
}
GST_END_TEST;

GST_START_TEST(cancel_whileTheServiceIsAsked_givesNoVerdict) {
  Dribbler service;
  Bench bench({.url = service.url()});
  Applicant &applicant = bench.ask(requestOf("cam"));
  fail_unless(service.waitAsked(1));
  bench.cancel(applicant);
  fail_unless(service.waitCut(1), "the connection is still open");
  bench.control->call([] {});
  fail_unless_equals_int(applicant.outcome.get().verdicts, 0);
}
GST_END_TEST;

GST_START_TEST(cancel_whileTheApplicationIsAsked_givesNoVerdict) {
  Service service;
  Bench bench({.url = service.url()});
  Barrier barrier(bench.application);
  Applicant &applicant = bench.ask(requestOf("gone"));
  fail_unless(bench.application.asked.waitFor([](unsigned asked) { return asked == 1; }));
  bench.cancel(applicant);
  barrier.open();
  Applicant &after = bench.ask(requestOf("cam"));
  after.mustGet(0);
  bench.cancel(after);  // too late, and without harm
  bench.workers.waitIdle();
  bench.control->call([] {});
  fail_unless_equals_int(applicant.outcome.get().verdicts, 0);
  fail_unless_equals_int(count(service, "gone", "new_session"), 0);
}
GST_END_TEST;

GST_START_TEST(authorizer_endedByItsVerdict_isNotTouchedAgain) {
  Service service;
  auto end = [](Bench &bench) { return [&bench] { bench.authorizer.reset(); }; };
  for (const bool allowed : {true, false}) {
    Bench bench;
    bench.application.decide = [allowed](const AccessRequest &) { return allowed; };
    bench.ask(requestOf("cam"), end(bench)).mustGet(allowed ? 0 : 403);
  }
  for (const unsigned status : {200U, 401U}) {
    service.setScript(Service::status(status));
    Bench bench({.url = service.url(), .times = kRestless});
    bench.ask(requestOf("cam"), end(bench)).mustGet(status == 200 ? 0 : 401);
  }
  service.setScript(Service::neverAnswer);
  Bench bench({.url = service.url(), .times = {.answer = milliseconds(100)}});
  bench.ask(requestOf("cam"), end(bench)).mustGet(503);
}
GST_END_TEST;

GST_START_TEST(session_endedByItsRevocation_isNotTouchedAgain) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    if (question.member("request_type") == "update_session")
      soup_server_message_set_status(message, 403, nullptr);
  });
  Bench bench({.url = service.url(), .times = kRestless});
  Watched<bool> ended;
  bench.ask(requestOf("cam"), [&] {
    onControlThread();
    Applicant &applicant = *bench.applicants[0];
    applicant.session->onRevoked([&](const std::string &) {
      applicant.session.reset();
      ended.set(true);
    });
  });
  fail_unless(ended.waitFor([](bool now) { return now; }));
}
GST_END_TEST;

GST_START_TEST(authorizer_thatEndsAtAnyTime_givesNoVerdictAfterwards) {
  Service service(
      [turn = 0](SoupServerMessage *message, const Service::Question &question) mutable {
        if (++turn % 3 == 0) Service::neverAnswer(message, question);
        if (turn % 5 == 0) Service::endlessBody(200)(message, question);
      });
  for (unsigned round = 0; round < 100; round++) {
    Bench bench({.url = service.url(), .times = kRestless});
    for (unsigned i = 0; i < 8; i++)
      bench.ask(requestOf("cam"));
    // Each round ends when a little more has happened.
    if (round % 10) bench.application.asked.waitFor([](unsigned asked) { return asked > 0; });
    for (unsigned i = 0; i < round % 10; i++)
      bench.control->call([] {});
    unsigned verdicts = 0;
    auto countVerdicts = [&] {
      unsigned all = 0;
      for (const auto &one : bench.applicants)
        all += one->outcome.get().verdicts;
      return all;
    };
    bench.control->call([&] {
      bench.authorizer.reset();
      verdicts = countVerdicts();
    });
    bench.workers.waitIdle();
    for (unsigned i = 0; i < 5; i++)
      bench.control->call([] {});
    fail_unless_equals_int(countVerdicts(), verdicts);
  }
}
GST_END_TEST;

static Suite *authorizer_suite() {
  Suite *suite = suite_create("authorizer");
  TCase *verdicts = tcase_create("verdicts");
  suite_add_tcase(suite, verdicts);
  tcase_add_test(verdicts, verdict_withoutAService_isTheApplications);
  tcase_add_test(verdicts, verdict_afterTheApplicationsNo_doesNotAskTheService);
  tcase_add_test(verdicts, verdict_ofEachStatus_isAsDocumented);
  tcase_add_test(verdicts, verdict_ofARefusal_repeatsNothing);
  tcase_add_test(verdicts, verdict_ofARedirect_isNoAndNobodyFollows);
  tcase_add_test(verdicts, question_toTheService_isAPostWithAllMembers);
  tcase_add_test(verdicts, question_withAProxyInTheEnvironment_goesToTheService);
  tcase_add_test(verdicts, service_thatNeverAnswers_is503);
  tcase_add_test(verdicts, service_thatDribbles_is503);
  tcase_add_test(verdicts, service_thatDribblesItsBody_hasAnsweredAndIsCut);
  tcase_add_test(verdicts, service_withoutAHandshake_is503);
  tcase_add_test(verdicts, service_thatDoesNotListen_is503);
  tcase_add_test(verdicts, service_withAnEndlessBody_hasAnsweredAndIsCut);
  tcase_add_test(verdicts, log_ofAnOutage_isOneWarningWithoutSecrets);
  tcase_add_test(verdicts, url_thatCannotBeAsked_isRefusedWithoutBeingRepeated);
  tcase_add_test(verdicts, application_thatBlocks_holdsUpNobodyElse);
  tcase_add_test(verdicts, application_withManyClients_isAskedByAtMost32AtOnce);
  tcase_add_test(verdicts, clients_beyondTheLimit_are503UntilOneLeaves);
  tcase_add_test(verdicts, clients_ofAReconnectionStorm_areAllAsked);
  TCase *sessions = tcase_create("sessions");
  suite_add_tcase(suite, sessions);
  tcase_add_test(sessions, session_whoseTimeIsOver_isAskedAboutAgain);
  tcase_add_test(sessions, session_whoseUpdateIsRefused_isRevokedOnce);
  tcase_add_test(sessions, session_whoseUpdateIsNotAnswered_isKeptAndAskedAboutAgain);
  tcase_add_test(sessions, session_unansweredForTooLong_isRevoked);
  tcase_add_test(sessions, session_thatEnds_isNotAskedAboutAnyMore);
  tcase_add_test(sessions, session_afterItsAuthorizer_isNotAskedAboutAnyMore);
  tcase_add_test(sessions, maxSessions_ofAUserId_countWhoIsThere);
  tcase_add_test(sessions, maxSessions_withoutAUserId_countTokens);
  tcase_add_test(sessions, maxSessions_ofAnUpdate_revokeNobody);
  TCase *ends = tcase_create("ends");
  suite_add_tcase(suite, ends);
  tcase_add_test(ends, cancel_whileTheServiceIsAsked_givesNoVerdict);
  tcase_add_test(ends, cancel_whileTheApplicationIsAsked_givesNoVerdict);
  tcase_add_test(ends, authorizer_endedByItsVerdict_isNotTouchedAgain);
  tcase_add_test(ends, session_endedByItsRevocation_isNotTouchedAgain);
  tcase_add_test(ends, authorizer_thatEndsAtAnyTime_givesNoVerdictAfterwards);
  return suite;
}

GST_CHECK_MAIN(authorizer)
