//! Where a request goes and how it shows who sends it.

use http::HeaderValue;
use url::Url;

use crate::crypto::Secret;
use crate::model::Endpoint;

/// The URL of an endpoint below a server's base URL. The base path cannot be left: endpoints are a closed set.
pub fn endpoint_url(base_url: &Url, endpoint: Endpoint) -> Url {
    below(
        base_url,
        match endpoint {
            Endpoint::ChatCompletions => "chat/completions",
            Endpoint::Completions => "completions",
            Endpoint::Embeddings => "embeddings",
        },
    )
}

/// The URL that lists a server's models.
pub fn models_url(base_url: &Url) -> Url {
    below(base_url, "models")
}

fn below(base_url: &Url, path: &str) -> Url {
    let mut url = base_url.clone();
    url.set_path(&format!("{}/{path}", base_url.path().trim_end_matches('/')));
    url
}

/// The `Authorization` header for an API key, marked as sensitive. `None` if the key cannot stand in a header.
pub fn authorization(api_key: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", api_key.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn joins_base_and_endpoint() {
        for (base, expected) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("http://[::1]:11434", "http://[::1]:11434/chat/completions"),
            ("https://open.bigmodel.cn/api/paas/v4", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        ] {
            assert_eq!(endpoint_url(&Url::parse(base).unwrap(), Endpoint::ChatCompletions).as_str(), expected);
        }
    }

    #[test]
    fn key_with_a_line_break_is_no_header() {
        assert!(authorization(&Secret::new("sk-a\r\nx: y".to_owned())).is_none());
        assert!(authorization(&Secret::new("sk-abc".to_owned())).unwrap().is_sensitive());
    }
}
