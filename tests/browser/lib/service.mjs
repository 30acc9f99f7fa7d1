// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP servers of the test's own: other origins, and services for auth-url.
import { createServer } from 'node:http';

/// An HTTP server on a port of its own, for one test; `answer` as for createServer(). Its origin.
export async function serve(s, answer) {
  const server = createServer(answer);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  s.atEnd(() => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  }));
  return `http://127.0.0.1:${server.address().port}`;
}

/// A service for auth-url: { url, asked }. `asked` grows with each question;
/// `decide(question, asked)` gives the status, and may give headers: [status, headers].
export async function authService(s, decide = () => [200]) {
  const asked = [];
  const url = await serve(s, async (incoming, response) => {
    let body = '';
    for await (const part of incoming) body += part;
    asked.push(JSON.parse(body));
    response.writeHead(...decide(asked.at(-1), asked)).end();
  });
  return { url, asked };
}
