"""What the official `openai` package for Python makes of limits and queues.

A running gateway is named by OPENAI_BASE_URL and OPENAI_API_KEY (`end2end/harness/with-gateway.mjs` starts one); its
servers with limits are those of `end2end/harness/models.mjs`, one for each test.
"""

import os
import re

import openai
import pytest
from openai import OpenAI

BASE_URL = os.environ["OPENAI_BASE_URL"]
API_KEY = os.environ["OPENAI_API_KEY"]

QUESTION = [{"role": "user", "content": "Say something about a river."}]
# As OpenAI writes durations: 20ms, 2.95s, 1m0s.
DURATION = re.compile(r"(\d+m)?\d+(\.\d+)?s|\d+ms")


@pytest.fixture
def client():
    """Without the package's own retries, so that the first answer is the one that is looked at."""
    with OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0) as client:
        yield client


def ask(client, model):
    return client.chat.completions.with_raw_response.create(model=model, messages=QUESTION)


def hold(client, model):
    """An answer whose head has come and whose end has not: it keeps its place at the server until it is closed."""
    return client.chat.completions.create(model=model, messages=QUESTION, stream=True)


def queue_ms(answer):
    return int(answer.headers["x-sluice-queue-ms"])


def test_a_call_waits_for_its_turn_and_succeeds(client):
    with hold(client, "one-hold") as first:
        second = ask(client, "one-quick")
        assert queue_ms(second) > 0
        assert second.headers["x-sluice-server"] == "one-at-a-time"
        assert second.parse().choices[0].message.content
        assert list(first)[-1].choices[0].finish_reason == "stop"


def test_a_call_over_the_requests_per_window_waits_for_the_next(client):
    answers = [ask(client, "two-quick") for _ in range(3)]
    assert [queue_ms(answer) > 0 for answer in answers] == [False, False, True]
    assert [answer.headers["x-ratelimit-limit-requests"] for answer in answers] == ["2", "2", "2"]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers[:2]] == ["1", "0"]
    assert answers[2].parse().choices[0].message.content


def test_the_deadline_of_the_queue_is_an_error_that_is_not_retried():
    calls = []
    counting = openai.DefaultHttpxClient(event_hooks={"request": [calls.append]})
    # With the package's own retries: it is the answer that keeps it from them.
    with OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=2, http_client=counting) as client:
        with hold(client, "impatient-hold"):
            calls.clear()
            with pytest.raises(openai.InternalServerError) as caught:
                ask(client, "impatient-quick")
    assert caught.value.status_code == 504
    assert caught.value.code == "queue_timeout"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert int(caught.value.response.headers["x-sluice-queue-ms"]) >= 500
    assert len(calls) == 1


def test_without_a_queue_a_call_is_refused_at_once(client):
    with hold(client, "without-queue-hold"):
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client, "without-queue-quick")
    assert caught.value.status_code == 429
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert "x-should-retry" not in caught.value.response.headers


def test_answers_tell_what_is_left(client):
    first, second = ask(client, "roomy-quick"), ask(client, "roomy-quick")
    for what, limit in [("requests", 100), ("tokens", 1_000_000)]:
        assert first.headers[f"x-ratelimit-limit-{what}"] == str(limit)
        assert 0 < int(first.headers[f"x-ratelimit-remaining-{what}"]) < limit
        assert DURATION.fullmatch(first.headers[f"x-ratelimit-reset-{what}"])
    assert first.headers["x-ratelimit-remaining-requests"] == "99"
    assert second.headers["x-ratelimit-remaining-requests"] == "98"
    assert queue_ms(first) == queue_ms(second) == 0


def test_answers_of_a_server_without_limits_name_none(client):
    answer = ask(client, "test-chat")
    assert not [name for name in answer.headers if name.startswith("x-ratelimit-")]
    assert queue_ms(answer) == 0
