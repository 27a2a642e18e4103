//! What a server function answers when it cannot do what was asked.
//!
//! A closed set without free text: without JavaScript the error travels in the page's address, where anybody could
//! write one, so only fixed texts are ever shown (see [`crate::text`]). Details stay in the server's log.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};
use sluice::model::{FieldProblem, Refusal};

/// Why a server function did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum UiError {
    /// The engine refused, and says why.
    #[error("{refusal}")]
    Refused {
        /// The engine's reason.
        refusal: Refusal,
    },
    /// The gateway cannot be reached from the browser.
    #[error("the gateway cannot be reached")]
    Unreachable,
    /// Browser and gateway do not understand each other, as after an upgrade with the page left open.
    #[error("the page is out of date")]
    OutOfDate,
}

impl UiError {
    /// What is wrong with which field; empty unless the error is about fields.
    pub(crate) fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::Refused { refusal: Refusal::Invalid { fields } } => fields,
            Self::Refused { .. } | Self::Unreachable | Self::OutOfDate => &[],
        }
    }
}

impl From<Refusal> for UiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal }
    }
}

impl FromServerFnError for UiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Unreachable,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Serialization(_)
            | ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Response(_) => Self::OutOfDate,
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice::model::Problem;

    use super::*;

    #[test]
    fn survives_the_way_to_the_browser() {
        let fields = vec![FieldProblem::new("name", Problem::TooLong { max: 64 })];
        let error = UiError::from(Refusal::Invalid { fields });
        assert_eq!(UiError::de(error.ser()), error);
        let error = UiError::from(Refusal::Internal { request_id: "r-1".to_owned() });
        assert_eq!(UiError::de(error.ser()), error);
    }

    #[test]
    fn garbage_in_the_address_is_no_text_on_the_page() {
        assert_eq!(UiError::de("<b>call this number</b>".into()), UiError::OutOfDate);
    }
}
