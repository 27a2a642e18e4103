//! Reading the `usage` object, in every variant that the family sends.

use serde_json::Value;

use crate::model::TokenCounts;

/// Largest believable number of tokens in one request. What is beyond it is a malformed report, not a count.
const MAX_TOKENS: i64 = 1_000_000_000;

/// Reads a `usage` object. `None` if it is not an object or says nothing that can be believed.
///
/// Malformed members (texts, negative or absurd numbers) count as not said, each for itself: they neither break the
/// answer nor poison totals. Cached tokens are part of the input, reasoning tokens part of the output.
pub fn parse_usage(json: &[u8]) -> Option<TokenCounts> {
    let usage: Value = serde_json::from_slice(json).ok()?;
    if !usage.is_object() {
        return None;
    }
    let input = count(&usage, &["prompt_tokens", "input_tokens"]);
    let total = count(&usage, &["total_tokens"]);
    let details_of = |name: &str, member: &str| usage.get(name).and_then(|details| count(details, &[member]));
    let cached = details_of("prompt_tokens_details", "cached_tokens")
        .or_else(|| details_of("input_tokens_details", "cached_tokens"))
        .or_else(|| count(&usage, &["prompt_cache_hit_tokens"]));
    let reasoning = details_of("completion_tokens_details", "reasoning_tokens")
        .or_else(|| details_of("output_tokens_details", "reasoning_tokens"));
    // An embedding has no output; its total equals its input.
    let mut output = count(&usage, &["completion_tokens", "output_tokens"])
        .or_else(|| if input.is_some() && input == total { Some(0) } else { None });
    // xAI leaves the reasoning tokens out of the completion's and in the total.
    if let (Some(input), Some(visible), Some(reasoning), Some(total)) = (input, output, reasoning, total)
        && reasoning > 0
        && input + visible + reasoning == total
    {
        output = Some(visible + reasoning);
    }
    if input.is_none() && output.is_none() {
        return None;
    }
    Some(TokenCounts {
        input,
        cached: cached.zip(input).map(|(cached, input)| cached.min(input)),
        output,
        reasoning: reasoning.zip(output).map(|(reasoning, output)| reasoning.min(output)),
    })
}

fn count(object: &Value, names: &[&str]) -> Option<i64> {
    let value = names.iter().find_map(|name| object.get(*name))?;
    value.as_i64().filter(|count| (0..=MAX_TOKENS).contains(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(input: i64, cached: Option<i64>, output: i64, reasoning: Option<i64>) -> TokenCounts {
        TokenCounts { input: Some(input), cached, output: Some(output), reasoning }
    }

    #[test]
    fn reads_every_variant_of_the_family() {
        for (json, expected) in [
            (r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#, counts(10, None, 5, None)),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}"#,
                counts(10, Some(4), 5, Some(3)),
            ),
            (r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":8}"#, counts(10, Some(8), 5, None)),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,"completion_tokens_details":{"reasoning_tokens":7}}"#,
                counts(10, None, 12, Some(7)),
            ),
            (r#"{"prompt_tokens":8,"total_tokens":8}"#, counts(8, None, 0, None)),
            (r#"{"input_tokens":3,"output_tokens":4}"#, counts(3, None, 4, None)),
        ] {
            assert_eq!(parse_usage(json.as_bytes()), Some(expected), "{json}");
        }
    }

    #[test]
    fn does_not_believe_what_is_malformed() {
        for json in [
            "null",
            "[]",
            "{}",
            "12",
            r#"{"prompt_tokens":"10","completion_tokens":-5}"#,
            r#"{"prompt_tokens":1e300}"#,
            r#"{"prompt_tokens":[1],"completion_tokens":null}"#,
            r#"{"prompt_tokens":99999999999999999999}"#,
        ] {
            assert_eq!(parse_usage(json.as_bytes()), None, "{json}");
        }
        assert_eq!(
            parse_usage(br#"{"prompt_tokens":7,"completion_tokens":"x"}"#),
            Some(TokenCounts { input: Some(7), ..TokenCounts::default() })
        );
    }

    #[test]
    fn parts_never_exceed_the_whole() {
        let json = br#"{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9},"completion_tokens_details":{"reasoning_tokens":9}}"#;
        assert_eq!(parse_usage(json), Some(counts(5, Some(5), 2, Some(2))));
    }
}
