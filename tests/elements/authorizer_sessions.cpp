// SPDX-License-Identifier: LGPL-2.1-or-later
// How long those stay who were let in: renewed permissions, and sessions at once.
#include "tests/elements/authorizer.h"

using namespace gws;
using namespace gws::test;
using std::chrono::milliseconds;

namespace {

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
    fail_unless_same_text(question.member("session_id"), "session-of-cam");
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
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    if (question.member("request_type") == "update_session") Service::hangUp(message, question);
  });
  Bench bench({.url = service.url(), .times = kRestless});
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(0);
  fail_unless(waitUpdates(service, "cam", 3));
  service.setScript(nullptr);
  fail_unless(waitUpdates(service, "cam", 6));
  fail_unless_same_text(applicant.revoked.get(), "");
}
GST_END_TEST;

GST_START_TEST(session_unansweredForTooLong_isRevoked) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    if (question.member("request_type") == "update_session") Service::hangUp(message, question);
  });
  AuthorizerTimes times = kRestless;
  times.patience = milliseconds(500);
  Bench bench({.url = service.url(), .times = times});
  const gint64 asked = g_get_monotonic_time();
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(0);
  fail_unless(applicant.revoked.waitFor([](const std::string &now) { return !now.empty(); }));
  fail_unless(g_get_monotonic_time() - asked >= 520'000, "revoked too early");
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
  const std::size_t asked = count(service, "cam", "update_session");
  Bench other({.url = service.url(), .times = kRestless});
  other.ask(requestOf("other")).mustGet(0);
  fail_unless(waitUpdates(service, "other", 5));
  // One may have been on its way.
  fail_unless(count(service, "cam", "update_session") <= asked + 1);
  bench.control->call(
      [&applicant] { fail_unless_same_text(applicant.session->request().stream, "cam"); });
}
GST_END_TEST;

GST_START_TEST(session_askedAboutWhenItsAuthorizerEnds_isLeftAlone) {
  Ref<SoupServerMessage> update;  // the service's
  Watched<bool> through;
  Service service([&](SoupServerMessage *message, const Service::Question &question) {
    if (question.member("request_type") != "update_session") return;
    update = Ref<SoupServerMessage>::share(message);
    const auto note =
        +[](SoupServerMessage *, gpointer data) { static_cast<Watched<bool> *>(data)->set(true); };
    g_signal_connect(message, "finished", G_CALLBACK(note), &through);
    g_signal_connect(message, "disconnected", G_CALLBACK(note), &through);
    soup_server_message_set_status(message, 403, nullptr);
    soup_server_message_pause(message);
  });
  Bench bench({.url = service.url(), .times = kRestless});
  Applicant &applicant = bench.ask(requestOf("cam"));
  applicant.mustGet(0);
  fail_unless(waitUpdates(service, "cam", 1));
  bench.control->call([&bench] { bench.authorizer.reset(); });
  service.run([&update] {
    soup_server_message_unpause(update.get());
    update.reset();
  });
  fail_unless(through.waitFor([](bool now) { return now; }));
  for (unsigned turn = 0; turn < 5; turn++)
    bench.control->call([] {});
  fail_unless_same_text(applicant.revoked.get(), "");
}
GST_END_TEST;

GST_START_TEST(maxSessions_ofAUserId_countWhoIsThere) {
  Service service([](SoupServerMessage *message, const Service::Question &question) {
    Service::headers({{"X-Max-Sessions", "2"},
                      {"X-UserId", question.member("token").substr(0, 3)}})(message, question);
  });
  Bench bench({.url = service.url()});
  Applicant &first = bench.ask(requestOf("a", "ann1"));
  first.mustGet(0);
  bench.ask(requestOf("b", "ann2")).mustGet(0);
  Applicant &third = bench.ask(requestOf("c", "ann3"));
  third.mustGet(403);
  fail_unless_same_text(third.wait().detail, "There are too many sessions of this user.");
  bench.ask(requestOf("a", "bob1")).mustGet(0);
  bench.leave(first);
  bench.ask(requestOf("c", "ann3")).mustGet(0);
  bench.ask(requestOf("d", "ann4")).mustGet(403);
  // The return of somebody who is not known to be lost yet.
  bench.ask(requestOf("c", "ann3")).mustGet(0);
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

static Suite *authorizer_sessions_suite() {
  Suite *suite = suite_create("authorizer_sessions");
  TCase *sessions = tcase_create("sessions");
  suite_add_tcase(suite, sessions);
  tcase_add_test(sessions, session_whoseTimeIsOver_isAskedAboutAgain);
  tcase_add_test(sessions, session_whoseUpdateIsRefused_isRevokedOnce);
  tcase_add_test(sessions, session_whoseUpdateIsNotAnswered_isKeptAndAskedAboutAgain);
  tcase_add_test(sessions, session_unansweredForTooLong_isRevoked);
  tcase_add_test(sessions, session_thatEnds_isNotAskedAboutAnyMore);
  tcase_add_test(sessions, session_afterItsAuthorizer_isNotAskedAboutAnyMore);
  tcase_add_test(sessions, session_askedAboutWhenItsAuthorizerEnds_isLeftAlone);
  tcase_add_test(sessions, maxSessions_ofAUserId_countWhoIsThere);
  tcase_add_test(sessions, maxSessions_withoutAUserId_countTokens);
  tcase_add_test(sessions, maxSessions_ofAnUpdate_revokeNobody);
  tcase_add_test(sessions, session_endedByItsRevocation_isNotTouchedAgain);
  return suite;
}

GST_CHECK_MAIN(authorizer_sessions)
