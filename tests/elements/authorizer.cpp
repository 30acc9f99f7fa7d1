// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in, by the application and by the operator's service.
#include <glib/gstdio.h>

#include "tests/elements/authorizer.h"
#include "tests/elements/certificates.h"

using namespace gws;
using namespace gws::test;
using std::chrono::milliseconds;

namespace {

/// For services that do not answer anyway.
const AuthorizerTimes kImpatient{.answer = milliseconds(300)};

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

Ref<GTlsCertificate> certificateOf(const Issued &issued) {
  const std::string pem = issued.certificate() + issued.key();
  return Ref<GTlsCertificate>::take(g_tls_certificate_new_from_pem(pem.c_str(), -1, nullptr));
}

/// The process trusts that certificate, and no other.
class Trust {
 public:
  explicit Trust(const Issued &issued) {
    char *made = nullptr;
    close(g_file_open_tmp("trusted-XXXXXX.pem", &made, nullptr));
    path_ = takeString(made);
    fail_unless(g_file_set_contents(path_.c_str(), issued.certificate().c_str(), -1, nullptr));
    auto database = Ref<GTlsDatabase>::take(g_tls_file_database_new(path_.c_str(), nullptr));
    g_tls_backend_set_default_database(g_tls_backend_get_default(), database.get());
  }
  ~Trust() { g_remove(path_.c_str()); }
  Trust(const Trust &) = delete;

 private:
  std::string path_;
};

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

GST_START_TEST(verdict_whenThereIsNobodyToAsk_comesAtOnce) {
  Bench bench;
  bench.application.hasHandler = false;
  Applicant &applicant = bench.ask(requestOf("cam"));
  fail_unless_equals_int(applicant.id, 0);
  fail_unless_equals_int(applicant.outcome.get().verdicts, 1);
  applicant.mustGet(0);
  fail_unless_equals_int(bench.application.asked.get(), 0);
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
  Log log;
  Dribbler service;
  Bench bench({.url = service.url(), .times = kImpatient});
  bench.ask(requestOf("cam")).mustGet(503);
  fail_unless(service.waitAsked(1) && service.waitCut(1), "the connection is still open");
  fail_unless(log.lines().at(0).text.find("did not answer in time") != std::string::npos);
}
GST_END_TEST;

GST_START_TEST(service_thatDribbles_is503) {
  for (const char *begins : {"HTTP/1.1 200 OK\r\nX-Padding: ", "HTTP/1.1 1"}) {
    Dribbler service(begins);
    Bench bench({.url = service.url(), .times = kImpatient});
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
  Bench bench({.url = service.url("https"), .times = kImpatient});
  bench.ask(requestOf("cam")).mustGet(503);
}
GST_END_TEST;

GST_START_TEST(service_overTls_isAskedByHttp11) {
  g_setenv("SOUP_SERVER_HTTP2", "1", TRUE);
  const Issued issued("localhost");
  Trust trust(issued);
  Watched<int> version;
  version.set(-1);
  const auto note = [&version](SoupServerMessage *message, const Service::Question &) {
    version.set(soup_server_message_get_http_version(message));
  };
  Service service(note, certificateOf(issued).get());
  Bench bench({.url = service.url()});
  bench.ask(requestOf("cam")).mustGet(0);
  fail_unless_equals_int(version.get(), SOUP_HTTP_1_1);
}
GST_END_TEST;

GST_START_TEST(service_overTlsThatIsNotTrusted_is503AndLearnsNothing) {
  Trust trust(Issued("localhost"));
  Service service(nullptr, certificateOf(Issued("localhost")).get());
  Bench bench({.url = service.url()});
  bench.ask(requestOf("cam")).mustGet(503);
  fail_unless_equals_int(service.questions().size(), 0);
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
    // 16 KiB are read; the rest is what the kernel took.
    const guint64 written = Service::written.exchange(0);
    fail_unless(written < 32 * 1024 * 1024, "%" G_GUINT64_FORMAT " bytes after %u", written,
                status);
  }
  fail_unless_equals_int(service.questions().size(), asked);
}
GST_END_TEST;

GST_START_TEST(log_ofAnOutage_isOneWarningWithoutSecrets) {
  Log log;
  Service service(Service::hangUp);
  Bench bench({.url = service.url("user:pass-word@", "/decide?key=of-ours")});
  bench.ask(requestOf("cam")).mustGet(503);
  bench.ask(requestOf("cam")).mustGet(503);
  fail_unless_equals_int(log.warnings(), 1);
  service.setScript(Service::status(403));
  bench.ask(requestOf("cam")).mustGet(403);
  fail_unless_equals_int(log.warnings(), 1);
  service.setScript(Service::hangUp);
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
  for (const auto &question : service.questions())
    fail_unless_same_text(question.member("name"), "cam");
}
GST_END_TEST;

GST_START_TEST(refuseAll_whateverTheyWaitFor_is503ForEachOnce) {
  Dribbler service;
  Bench bench({.url = service.url()});
  Watched<bool> open;
  bench.application.decide = [&open](const AccessRequest &request) {
    return request.stream != "slow" || open.waitFor([](bool now) { return now; });
  };
  Applicant &atApplication = bench.ask(requestOf("slow"));
  Applicant &atService = bench.ask(requestOf("cam"));
  fail_unless(service.waitAsked(1));
  bench.control->call([&bench] {
    onControlThread();
    bench.authorizer->refuseAll("The pipeline stops.");
  });
  open.set(true);
  bench.workers.waitIdle();
  bench.control->call([] {});
  for (Applicant *one : {&atApplication, &atService}) {
    one->mustGet(503);
    fail_unless_same_text(one->wait().detail, "The pipeline stops.");
  }
  fail_unless(service.waitCut(1), "the connection is still open");
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
  {
    Bench bench({.url = service.url(), .times = kImpatient});
    bench.ask(requestOf("cam"), end(bench)).mustGet(503);
  }
  Bench bench({.url = service.url()});
  Applicant &applicant = bench.ask(requestOf("cam"), end(bench));
  Applicant &other = bench.ask(requestOf("cam"));
  bench.control->call([&bench] {
    onControlThread();
    bench.authorizer->refuseAll("The pipeline stops.");
  });
  applicant.mustGet(503);
  fail_unless_equals_int(other.outcome.get().verdicts, 0);
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
  tcase_add_test(verdicts, verdict_whenThereIsNobodyToAsk_comesAtOnce);
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
  tcase_add_test(verdicts, service_overTls_isAskedByHttp11);
  tcase_add_test(verdicts, service_overTlsThatIsNotTrusted_is503AndLearnsNothing);
  tcase_add_test(verdicts, service_thatDoesNotListen_is503);
  tcase_add_test(verdicts, service_withAnEndlessBody_hasAnsweredAndIsCut);
  tcase_add_test(verdicts, log_ofAnOutage_isOneWarningWithoutSecrets);
  tcase_add_test(verdicts, url_thatCannotBeAsked_isRefusedWithoutBeingRepeated);
  tcase_add_test(verdicts, application_thatBlocks_holdsUpNobodyElse);
  tcase_add_test(verdicts, application_withManyClients_isAskedByAtMost32AtOnce);
  tcase_add_test(verdicts, clients_beyondTheLimit_are503UntilOneLeaves);
  tcase_add_test(verdicts, clients_ofAReconnectionStorm_areAllAsked);
  TCase *ends = tcase_create("ends");
  suite_add_tcase(suite, ends);
  tcase_add_test(ends, cancel_whileTheServiceIsAsked_givesNoVerdict);
  tcase_add_test(ends, cancel_whileTheApplicationIsAsked_givesNoVerdict);
  tcase_add_test(ends, refuseAll_whateverTheyWaitFor_is503ForEachOnce);
  tcase_add_test(ends, authorizer_endedByItsVerdict_isNotTouchedAgain);
  tcase_add_test(ends, authorizer_thatEndsAtAnyTime_givesNoVerdictAfterwards);
  return suite;
}

GST_CHECK_MAIN(authorizer)
