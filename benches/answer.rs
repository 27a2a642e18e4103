//! What reading an answer in passing costs: `cargo bench -p sluice --bench answer`.
//!
//! `event` is one event of a stream as OpenAI sends it (about 200 bytes), `plain` a plain answer of 4 KiB of text: how long it
//! takes to estimate their tokens, in case that the upstream does not count them.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sluice::provider::openai::AnswerText;

const EVENT: &[u8] = br#"{"id":"chatcmpl-A1b2C3d4E5f6G7h8I9j0","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-2024-08-06","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" river"},"logprobs":null,"finish_reason":null}]}"#;

fn event(criterion: &mut Criterion) {
    let mut text = AnswerText::default();
    criterion.bench_function("event", |bencher| bencher.iter(|| text.push_event(black_box(EVENT))));
}

fn plain(criterion: &mut Criterion) {
    let words = "The river runs slowly past the old lock. ".repeat(100);
    let body = format!(r#"{{"choices":[{{"message":{{"role":"assistant","content":"{words}"}}}}]}}"#);
    criterion.bench_function("plain", |bencher| {
        bencher.iter(|| {
            let mut text = AnswerText::default();
            text.push(black_box(body.as_bytes()));
            text.tokens()
        });
    });
}

criterion_group!(answer, event, plain);
criterion_main!(answer);
