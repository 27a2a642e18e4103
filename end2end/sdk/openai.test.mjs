// The official `openai` package for Node, changed only in `baseURL` and `apiKey`.
//
// A running gateway is named by OPENAI_BASE_URL and OPENAI_API_KEY (`end2end/harness/with-gateway.mjs` starts one); its
// models are those of `end2end/harness/models.mjs`.

import assert from "node:assert/strict";
import test from "node:test";

import OpenAI from "openai";

const baseURL = process.env.OPENAI_BASE_URL;
const apiKey = process.env.OPENAI_API_KEY;

// Without the package's own retries, so that the first answer is the one that is looked at.
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const messages = [{ role: "user", content: "Say something about a river." }];
const chineseMessages = [{ role: "user", content: "请说说河流。😀" }];
const weatherTool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a town",
    parameters: { type: "object", properties: { town: { type: "string" } }, required: ["town"] },
  },
};

async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

test("chat", async () => {
  const answer = await client.chat.completions.create({ model: "test-chat", messages });
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(answer.choices[0].message.content.length > 10);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test("chat by name of the server", async () => {
  const answer = await client.chat.completions.create({ model: "fake/test-chat", messages });
  assert.ok(answer.choices[0].message.content);
});

test("headers tell who answered", async () => {
  const { response } = await client.chat.completions
    .create({ model: "test-chat", messages }, { headers: { "x-request-id": "node-test-1" } })
    .withResponse();
  assert.equal(response.headers.get("x-request-id"), "node-test-1");
  assert.equal(response.headers.get("x-sluice-server"), "fake");
  assert.equal(response.headers.get("x-sluice-attempts"), "1");
});

test("Chinese text, plain and streamed", async () => {
  const answer = await client.chat.completions.create({ model: "test-chat", messages: chineseMessages });
  const text = answer.choices[0].message.content;
  assert.match(text, /\p{Script=Han}/u);
  assert.doesNotMatch(text, /\ufffd/);
  const stream = await client.chat.completions.create({ model: "test-chat", messages: chineseMessages, stream: true });
  const pieces = await collect(stream);
  assert.equal(pieces.map((piece) => piece.choices[0]?.delta.content ?? "").join(""), text);
});

test("stream without usage", async () => {
  const pieces = await collect(await client.chat.completions.create({ model: "test-chat", messages, stream: true }));
  assert.ok(pieces.every((piece) => piece.choices.length === 1), "a client that did not ask sees no usage chunk");
  assert.ok(pieces.every((piece) => !piece.usage));
  assert.ok(pieces.filter((piece) => piece.choices[0].delta.content).length > 1);
  assert.equal(pieces.at(-1).choices[0].finish_reason, "stop");
});

test("stream with usage", async () => {
  const pieces = await collect(
    await client.chat.completions.create({
      model: "test-chat",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  const last = pieces.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
  assert.ok(pieces.every((piece) => !piece.usage));
});

test("tools", async () => {
  const answer = await client.chat.completions.create({ model: "test-tools", messages, tools: [weatherTool] });
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  const [call] = answer.choices[0].message.tool_calls;
  assert.ok(call.id);
  assert.equal(call.function.name, "get_weather");
  assert.equal(typeof JSON.parse(call.function.arguments), "object");
});

test("tools, streamed", async () => {
  // The package's own accumulator is the strictest reader of tool calls in a stream.
  const answer = await client.chat.completions
    .stream({ model: "test-tools", messages, tools: [weatherTool] })
    .finalChatCompletion();
  const [call] = answer.choices[0].message.tool_calls;
  assert.equal(call.function.name, "get_weather");
  assert.equal(typeof JSON.parse(call.function.arguments), "object");
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
});

test("completions, plain and streamed", async () => {
  const prompt = "Once upon a time";
  const answer = await client.completions.create({ model: "test-chat", prompt });
  assert.ok(answer.choices[0].text.length > 10);
  const pieces = await collect(await client.completions.create({ model: "test-chat", prompt, stream: true }));
  assert.equal(pieces.map((piece) => piece.choices[0]?.text ?? "").join(""), answer.choices[0].text);
});

test("embeddings in both encodings", async () => {
  // The package asks for base64 by itself and decodes it.
  const byDefault = await client.embeddings.create({ model: "test-embedding", input: ["one", "二"] });
  const asFloats = await client.embeddings.create({
    model: "test-embedding",
    input: ["one", "二"],
    encoding_format: "float",
  });
  assert.deepEqual(byDefault.data.map((entry) => entry.index), [0, 1]);
  assert.ok(byDefault.data[0].embedding.length > 1);
  assert.equal(byDefault.data[0].embedding.length, asFloats.data[0].embedding.length);
  byDefault.data[1].embedding.forEach((value, index) => {
    assert.ok(Math.abs(value - asFloats.data[1].embedding[index]) < 1e-6);
  });
});

test("models", async () => {
  const names = (await collect(await client.models.list())).map((model) => model.id);
  for (const name of ["test-chat", "test-tools", "test-embedding"]) assert.ok(names.includes(name), name);
  assert.equal((await client.models.retrieve("test-chat")).id, "test-chat");
  await assert.rejects(client.models.retrieve("no-such-model"), OpenAI.NotFoundError);
});

for (const [model, status, expected] of [
  ["broken-400", 400, OpenAI.BadRequestError],
  ["broken-404", 404, OpenAI.NotFoundError],
  ["broken-413", 413, OpenAI.APIError],
  ["broken-429", 429, OpenAI.RateLimitError],
  ["broken-500", 500, OpenAI.InternalServerError],
]) {
  for (const stream of [false, true]) {
    test(`status ${status} of the upstream, ${stream ? "streamed" : "plain"}`, async () => {
      await assert.rejects(client.chat.completions.create({ model, messages, stream }), (error) => {
        assert.ok(error instanceof expected);
        assert.equal(error.status, status);
        assert.ok(error.error.message);
        return true;
      });
    });
  }
}

test("unknown model", async () => {
  await assert.rejects(client.chat.completions.create({ model: "no-such-model", messages }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
});

test("wrong key", async () => {
  const stranger = new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 });
  await assert.rejects(stranger.chat.completions.create({ model: "test-chat", messages }), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, "invalid_api_key");
    assert.doesNotMatch(error.message, /sk-wrong/);
    return true;
  });
});

test("an upstream that refuses our key", async () => {
  await assert.rejects(client.chat.completions.create({ model: "broken-401", messages }), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 502);
    assert.equal(error.code, "upstream_auth_failed");
    return true;
  });
});

test("body over the limit", async () => {
  const large = [{ role: "user", content: "x".repeat(2_000_000) }];
  await assert.rejects(client.chat.completions.create({ model: "test-chat", messages: large }), (error) => {
    assert.ok(error instanceof OpenAI.APIError);
    assert.equal(error.status, 413);
    assert.equal(error.code, "request_too_large");
    return true;
  });
});

test("cut stream", async () => {
  let received = "";
  await assert.rejects(async () => {
    for await (const piece of await client.chat.completions.create({ model: "broken-cut", messages, stream: true })) {
      received += piece.choices[0].delta.content ?? "";
    }
  }, OpenAI.APIError);
  assert.ok(received, "what came before the cut reaches the client");
});

test("default retries end in the same errors", async () => {
  const patient = new OpenAI({ baseURL, apiKey });
  await assert.rejects(patient.chat.completions.create({ model: "broken-500", messages }), OpenAI.InternalServerError);
  await assert.rejects(patient.chat.completions.create({ model: "no-such-model", messages }), OpenAI.NotFoundError);
});
