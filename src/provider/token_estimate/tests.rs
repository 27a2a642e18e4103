use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

/// The samples, with the counts that `scripts/count-sample-tokens.mjs` wrote.
macro_rules! samples {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("samples/", $name)))),+] };
}

pub(in crate::provider) const SAMPLES: &[(&str, &str)] = samples![
    "chinese-chat.txt",
    "chinese-manual.txt",
    "chinese-news.txt",
    "chinese-story.txt",
    "code-python.txt",
    "code-rust.txt",
    "code-sql.txt",
    "code-typescript.txt",
    "english-essay.txt",
    "english-letters.txt",
    "english-manual.txt",
    "english-story.txt",
    "json-answer.txt",
    "json-texts.txt",
    "mixed-chinese-code-english.txt",
    "mixed-json-chinese.txt",
];

/// The true count of a sample.
pub(in crate::provider) fn true_count(name: &str) -> u64 {
    let counts: Map<String, Value> = serde_json::from_str(include_str!("samples/counts.json")).unwrap();
    counts[name].as_u64().unwrap()
}

/// How far an estimate is off, in percent.
pub(in crate::provider) fn error_percent(estimate: u64, truth: u64) -> f64 {
    let in_thousands = |count: u64| f64::from(u32::try_from(count).unwrap());
    100.0 * (in_thousands(estimate) / in_thousands(truth) - 1.0)
}

#[test]
#[expect(clippy::print_stdout, reason = "shown on failure and with --nocapture")]
fn every_sample_is_within_a_quarter_of_the_truth() {
    let counts: Map<String, Value> = serde_json::from_str(include_str!("samples/counts.json")).unwrap();
    assert_eq!(counts.len(), SAMPLES.len(), "every sample is measured");
    let mut worst = ("", 0.0_f64);
    for (name, text) in SAMPLES {
        let estimate = text_tokens(text);
        let error = error_percent(estimate, true_count(name));
        println!("{name}: {estimate} for {}, {error:+.1} %", true_count(name));
        if error.abs() > worst.1.abs() {
            worst = (name, error);
        }
    }
    println!("worst: {} with {:+.1} %", worst.0, worst.1);
    assert!(worst.1.abs() <= 25.0, "{worst:?}");
}

#[test]
fn short_texts_are_near_too() {
    for (text, truth) in [
        ("", 0),
        ("hi", 1),
        ("Hello!", 2),
        ("Ok, thanks.", 4),
        ("你好", 1),
        ("你好，世界", 3),
        ("안녕하세요", 2),
        ("Привет", 2),
        ("العربية", 2),
        ("12345", 2),
        ("😀", 1),
        ("\n", 1),
        ("fn main() {}\n", 4),
        ("----------------------------------------", 1),
        ("                                        ", 1),
    ] {
        assert!(text_tokens(text).abs_diff(truth) <= 2, "{text:?}: {} for {truth}", text_tokens(text));
    }
}

#[test]
fn line_breaks_count_alike_with_and_without_carriage_return() {
    assert_eq!(text_tokens("one\ntwo\n\nthree"), text_tokens("one\r\ntwo\r\n\r\nthree"));
}

/// Texts of what the classes stand for, densely mixed.
fn mixed_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z]{0,30}",
        "[0-9 ,.;:(){}\"'\\\\_-]{0,12}",
        "[ \t\r\n]{0,6}",
        "[一-龥、。，ぁ-んァ-ヴ가-힣]{0,12}",
        "[а-яא-תا-يα-ωéüßअ-ह]{0,12}",
        "[😀-🙏→“”…\u{20000}\u{e000}]{0,6}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_byte_is_a_token_at_most(text in mixed_text()) {
        prop_assert!(text_tokens(&text) <= u64::try_from(text.len()).unwrap());
    }

    #[test]
    fn more_text_never_has_fewer_tokens_and_a_cut_adds_few(start in mixed_text(), end in mixed_text()) {
        let whole = text_tokens(&format!("{start}{end}"));
        prop_assert!(whole >= text_tokens(&start));
        prop_assert!(whole.abs_diff(text_tokens(&start) + text_tokens(&end)) <= 6);
    }

    #[test]
    fn any_bytes_in_any_pieces_count_the_same(bytes: Vec<u8>, cut: prop::sample::Index) {
        let mut whole = TokenCounter::new();
        whole.push(&bytes);
        let (start, end) = bytes.split_at(cut.index(bytes.len() + 1));
        let mut pieces = TokenCounter::new();
        pieces.push(start);
        pieces.push(end);
        prop_assert_eq!(whole.tokens(), pieces.tokens());
        prop_assert!(whole.tokens() <= 3 * u64::try_from(bytes.len()).unwrap());
    }
}
