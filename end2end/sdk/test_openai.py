"""The official `openai` package for Python, changed only in `base_url` and `api_key`.

A running gateway is named by OPENAI_BASE_URL and OPENAI_API_KEY (`end2end/harness/with-gateway.mjs` starts one); its
models are those of `end2end/harness/models.mjs`.
"""

import json
import os

import openai
import pytest
from openai import OpenAI

BASE_URL = os.environ["OPENAI_BASE_URL"]
API_KEY = os.environ["OPENAI_API_KEY"]

QUESTION = [{"role": "user", "content": "Say something about a river."}]
CHINESE_QUESTION = [{"role": "user", "content": "请说说河流。😀"}]
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a town",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
        },
    },
}


@pytest.fixture
def client():
    """Without the package's own retries, so that the first answer is the one that is looked at."""
    with OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0) as client:
        yield client


def test_chat(client):
    answer = client.chat.completions.create(model="test-chat", messages=QUESTION)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert len(answer.choices[0].message.content) > 10
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_chat_by_name_of_the_server(client):
    answer = client.chat.completions.create(model="fake/test-chat", messages=QUESTION)
    assert answer.choices[0].message.content


def test_headers_tell_who_answered(client):
    raw = client.chat.completions.with_raw_response.create(
        model="test-chat", messages=QUESTION, extra_headers={"x-request-id": "python-test-1"}
    )
    assert raw.headers["x-request-id"] == "python-test-1"
    assert raw.headers["x-sluice-server"] == "fake"
    assert raw.headers["x-sluice-attempts"] == "1"


def test_chinese_text(client):
    answer = client.chat.completions.create(model="test-chat", messages=CHINESE_QUESTION)
    text = answer.choices[0].message.content
    assert any("\u4e00" <= character <= "\u9fff" for character in text)
    assert "\ufffd" not in text
    pieces = client.chat.completions.create(model="test-chat", messages=CHINESE_QUESTION, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == text


def test_stream_without_usage(client):
    with client.chat.completions.create(model="test-chat", messages=QUESTION, stream=True) as stream:
        pieces = list(stream)
    assert all(len(piece.choices) == 1 for piece in pieces), "a client that did not ask sees no usage chunk"
    assert all(piece.usage is None for piece in pieces)
    assert len([piece for piece in pieces if piece.choices[0].delta.content]) > 1
    assert pieces[-1].choices[0].finish_reason == "stop"


def test_stream_with_usage(client):
    with client.chat.completions.create(
        model="test-chat", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    ) as stream:
        pieces = list(stream)
    assert pieces[-1].choices == []
    assert pieces[-1].usage.total_tokens == pieces[-1].usage.prompt_tokens + pieces[-1].usage.completion_tokens > 0
    assert all(piece.usage is None for piece in pieces[:-1])


def test_tools(client):
    answer = client.chat.completions.create(
        model="test-tools", messages=QUESTION, tools=[WEATHER_TOOL], tool_choice="auto"
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    call = answer.choices[0].message.tool_calls[0]
    assert call.id
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments), dict)


def test_tools_streamed(client):
    name, arguments, reason = "", "", None
    for piece in client.chat.completions.create(
        model="test-tools", messages=QUESTION, tools=[WEATHER_TOOL], stream=True
    ):
        choice = piece.choices[0]
        for call in choice.delta.tool_calls or []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
        reason = choice.finish_reason or reason
    assert name == "get_weather"
    assert isinstance(json.loads(arguments), dict)
    assert reason == "tool_calls"


def test_completions(client):
    answer = client.completions.create(model="test-chat", prompt="Once upon a time")
    assert len(answer.choices[0].text) > 10
    streamed = client.completions.create(model="test-chat", prompt="Once upon a time", stream=True)
    assert "".join(piece.choices[0].text for piece in streamed if piece.choices) == answer.choices[0].text


def test_embeddings(client):
    # The package asks for base64 by itself and decodes it.
    by_default = client.embeddings.create(model="test-embedding", input=["one", "二"])
    as_floats = client.embeddings.create(model="test-embedding", input=["one", "二"], encoding_format="float")
    assert [entry.index for entry in by_default.data] == [0, 1]
    assert len(by_default.data[0].embedding) == len(as_floats.data[0].embedding) > 1
    assert by_default.data[1].embedding == pytest.approx(as_floats.data[1].embedding, abs=1e-6)
    assert by_default.usage.prompt_tokens > 0


def test_models(client):
    names = [model.id for model in client.models.list()]
    assert {"test-chat", "test-tools", "test-embedding"} <= set(names)
    assert client.models.retrieve("test-chat").id == "test-chat"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


@pytest.mark.parametrize(
    ("model", "status", "expected"),
    [
        ("broken-400", 400, openai.BadRequestError),
        ("broken-404", 404, openai.NotFoundError),
        ("broken-413", 413, openai.APIStatusError),
        ("broken-429", 429, openai.RateLimitError),
        ("broken-500", 500, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_of_the_upstream(client, model, status, expected, stream):
    with pytest.raises(expected) as caught:
        client.chat.completions.create(model=model, messages=QUESTION, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.body["message"]


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=QUESTION)
    assert caught.value.code == "model_not_found"


def test_missing_model(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body={"messages": QUESTION}, cast_to=object)
    assert caught.value.code == "missing_model"


def test_wrong_key():
    with OpenAI(base_url=BASE_URL, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="test-chat", messages=QUESTION)
        assert caught.value.code == "invalid_api_key"
        assert "sk-wrong" not in str(caught.value)
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


def test_upstream_that_refuses_our_key(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="broken-401", messages=QUESTION)
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_auth_failed"
    assert "sk-fake" not in str(caught.value)


def test_body_over_the_limit(client):
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="test-chat", messages=[{"role": "user", "content": "x" * 2_000_000}])
    assert caught.value.status_code == 413
    assert caught.value.code == "request_too_large"


def test_cut_stream(client):
    received = ""
    with pytest.raises(openai.APIError):
        for piece in client.chat.completions.create(model="broken-cut", messages=QUESTION, stream=True):
            received += piece.choices[0].delta.content or ""
    assert received, "what came before the cut reaches the client"


def test_default_retries_end_in_the_same_errors():
    with OpenAI(base_url=BASE_URL, api_key=API_KEY) as client:
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="broken-500", messages=QUESTION)
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="no-such-model", messages=QUESTION)
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(model="broken-cut", messages=QUESTION, stream=True))
