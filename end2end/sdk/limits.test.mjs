// What the official `openai` package for Node makes of limits and queues.
//
// A running gateway is named by OPENAI_BASE_URL and OPENAI_API_KEY (`end2end/harness/with-gateway.mjs` starts one); its
// servers with limits are those of `end2end/harness/models.mjs`, one for each test.

import assert from "node:assert/strict";
import test from "node:test";

import OpenAI from "openai";

const baseURL = process.env.OPENAI_BASE_URL;
const apiKey = process.env.OPENAI_API_KEY;

// Without the package's own retries, so that the first answer is the one that is looked at.
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const messages = [{ role: "user", content: "Say something about a river." }];
// As OpenAI writes durations: 20ms, 2.95s, 1m0s.
const duration = /^((\d+m)?\d+(\.\d+)?s|\d+ms)$/;

/** The answer and its headers. */
async function ask(model) {
  const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
  return { text: data.choices[0].message.content, headers: response.headers, queueMs: queueMs(response.headers) };
}

/** An answer whose head has come and whose end has not: it keeps its place at the server until it is aborted. */
function hold(caller, model) {
  return caller.chat.completions.create({ model, messages, stream: true });
}

function queueMs(headers) {
  const text = headers.get("x-sluice-queue-ms");
  assert.match(text ?? "", /^\d+$/);
  return Number(text);
}

test("a call waits for its turn and succeeds", async () => {
  const first = await hold(client, "one-hold");
  const second = await ask("one-quick");
  assert.ok(second.queueMs > 0);
  assert.equal(second.headers.get("x-sluice-server"), "one-at-a-time");
  assert.ok(second.text);
  let reason;
  for await (const piece of first) reason = piece.choices[0]?.finish_reason ?? reason;
  assert.equal(reason, "stop");
});

test("a call over the requests per window waits for the next", async () => {
  const answers = [await ask("two-quick"), await ask("two-quick"), await ask("two-quick")];
  const all = (name) => answers.map((answer) => answer.headers.get(name));
  assert.deepEqual(answers.map((answer) => answer.queueMs > 0), [false, false, true]);
  assert.deepEqual(all("x-ratelimit-limit-requests"), ["2", "2", "2"]);
  assert.deepEqual(all("x-ratelimit-remaining-requests").slice(0, 2), ["1", "0"]);
  assert.ok(answers[2].text);
});

test("the deadline of the queue is an error that is not retried", async () => {
  let calls = 0;
  // With the package's own retries: it is the answer that keeps it from them.
  const patient = new OpenAI({
    baseURL,
    apiKey,
    maxRetries: 2,
    fetch: (...request) => {
      calls += 1;
      return fetch(...request);
    },
  });
  const first = await hold(patient, "impatient-hold");
  calls = 0;
  await assert.rejects(patient.chat.completions.create({ model: "impatient-quick", messages }), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 504);
    assert.equal(error.code, "queue_timeout");
    assert.equal(error.headers.get("x-should-retry"), "false");
    assert.ok(queueMs(error.headers) >= 500);
    return true;
  });
  first.controller.abort();
  assert.equal(calls, 1);
});

test("without a queue a call is refused at once", async () => {
  const first = await hold(client, "without-queue-hold");
  await assert.rejects(client.chat.completions.create({ model: "without-queue-quick", messages }), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.status, 429);
    assert.equal(error.code, "rate_limit_exceeded");
    assert.ok(Number(error.headers.get("retry-after")) >= 1);
    assert.equal(error.headers.get("x-should-retry"), null);
    return true;
  });
  first.controller.abort();
});

test("answers tell what is left", async () => {
  const [first, second] = [await ask("roomy-quick"), await ask("roomy-quick")];
  for (const [what, limit] of [["requests", 100], ["tokens", 1_000_000]]) {
    assert.equal(first.headers.get(`x-ratelimit-limit-${what}`), String(limit));
    const remaining = Number(first.headers.get(`x-ratelimit-remaining-${what}`));
    assert.ok(remaining > 0 && remaining < limit, String(remaining));
    assert.match(first.headers.get(`x-ratelimit-reset-${what}`), duration);
  }
  assert.equal(first.headers.get("x-ratelimit-remaining-requests"), "99");
  assert.equal(second.headers.get("x-ratelimit-remaining-requests"), "98");
  assert.deepEqual([first.queueMs, second.queueMs], [0, 0]);
});

test("answers of a server without limits name none", async () => {
  const { headers, queueMs: waited } = await ask("test-chat");
  assert.deepEqual([...headers.keys()].filter((name) => name.startsWith("x-ratelimit-")), []);
  assert.equal(waited, 0);
});
