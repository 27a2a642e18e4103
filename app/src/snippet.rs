//! Ready calls to `/v1` that a person can copy: `curl` for a shell, Python for the OpenAI package.

/// What a ready call is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExampleCall {
    /// Scheme, host and port of the gateway.
    pub(crate) origin: String,
    /// The key; a placeholder while there is none to show.
    pub(crate) key: String,
    /// The model; a placeholder while no server has one.
    pub(crate) model: String,
    /// What to send as `App-Name`, where the key is not bound to an app.
    pub(crate) app_name: Option<String>,
}

impl ExampleCall {
    /// For a POSIX shell.
    pub(crate) fn curl(&self) -> String {
        let mut lines = vec![
            format!("curl {}/v1/chat/completions", self.origin),
            format!("  -H {}", shell_quoted(&format!("Authorization: Bearer {}", self.key))),
        ];
        if let Some(app_name) = &self.app_name {
            lines.push(format!("  -H {}", shell_quoted(&format!("App-Name: {app_name}"))));
        }
        lines.push("  -H 'Content-Type: application/json'".to_owned());
        let model = json_quoted(&self.model);
        let body = format!("{{\"model\": {model}, \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}");
        lines.push(format!("  -d {}", shell_quoted(&body)));
        lines.join(" \\\n")
    }

    /// For the official `openai` package.
    pub(crate) fn python(&self) -> String {
        let headers = self
            .app_name
            .as_ref()
            .map(|name| format!("\n    default_headers={{\"App-Name\": {}}},", json_quoted(name)))
            .unwrap_or_default();
        format!(
            "from openai import OpenAI\n\nclient = OpenAI(\n    base_url={},\n    api_key={},{headers}\n)\n\
             answer = client.chat.completions.create(\n    model={},\n    \
             messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}],\n)\nprint(answer.choices[0].message.content)",
            json_quoted(&format!("{}/v1", self.origin)),
            json_quoted(&self.key),
            json_quoted(&self.model),
        )
    }
}

/// A word for a POSIX shell that it takes as it is.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A string for JSON, which Python reads in the same way.
fn json_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            other if other.is_control() => quoted.extend(format!("\\u{:04x}", u32::from(other)).chars()),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(model: &str, app_name: Option<&str>) -> ExampleCall {
        ExampleCall {
            origin: "http://127.0.0.1:8080".to_owned(),
            key: "sk-1".to_owned(),
            model: model.to_owned(),
            app_name: app_name.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_shell_takes_it_as_it_is() {
        assert_eq!(
            call("it's", None).curl(),
            "curl http://127.0.0.1:8080/v1/chat/completions \\\n  -H 'Authorization: Bearer sk-1' \\\n  \
             -H 'Content-Type: application/json' \\\n  \
             -d '{\"model\": \"it'\\''s\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'"
        );
    }

    #[test]
    fn names_the_app_only_where_the_key_does_not() {
        assert!(call("m", Some("my-app")).curl().contains("-H 'App-Name: my-app'"));
        assert!(call("m", Some("my-app")).python().contains("default_headers={\"App-Name\": \"my-app\"},"));
        assert!(!call("m", None).curl().contains("App-Name"));
        assert!(!call("m", None).python().contains("default_headers"));
    }

    #[test]
    fn quotes_what_would_end_a_string() {
        assert!(call("a\"b\\c\n", None).python().contains(r#"model="a\"b\\c\u000a","#));
    }
}
