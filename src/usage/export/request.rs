//! Requests as rows of CSV.

use jiff::tz::TimeZone;

use super::time::milliseconds_text;
use crate::model::RequestView;

/// The columns of requests. A cost is in the currency next to it, so that a column of numbers stays one.
pub const REQUEST_COLUMNS: [&str; 27] = [
    "id",
    "client_request_id",
    "started_at",
    "app_id",
    "app",
    "key_id",
    "key",
    "server_id",
    "server",
    "model",
    "endpoint",
    "streamed",
    "outcome",
    "status",
    "error_code",
    "attempts",
    "queue_ms",
    "limited_by",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "token_source",
    "cost",
    "currency",
    "first_byte_ms",
    "duration_ms",
];

/// A request as cells under [`REQUEST_COLUMNS`], its time in this zone. What is unknown is empty, never 0.
pub fn request_cells(request: &RequestView, zone: &TimeZone) -> [String; 27] {
    [
        request.id.clone(),
        text(request.client_request_id.as_ref()),
        milliseconds_text(request.started_at_ms, zone),
        text(request.app_id),
        text(request.app_name.as_ref()),
        text(request.key_id),
        text(request.key_name.as_ref()),
        text(request.server_id),
        text(request.server_name.as_ref()),
        request.model.clone(),
        request.endpoint.to_string(),
        request.streamed.to_string(),
        request.outcome.to_string(),
        request.status.to_string(),
        text(request.error_code.as_ref()),
        request.attempts.to_string(),
        request.queue_ms.to_string(),
        text(request.limited_by),
        text(request.input_tokens),
        text(request.cached_tokens),
        text(request.output_tokens),
        text(request.reasoning_tokens),
        request.token_source.to_string(),
        text(request.cost.map(|cost| cost.amount)),
        text(request.cost.map(|cost| cost.currency)),
        text(request.first_byte_ms),
        request.duration_ms.to_string(),
    ]
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::model::{Amount, AppId, Currency, Endpoint, LimitName, Money, Outcome, ServerId, TokenSource};
    use crate::usage::export::CsvWriter;
    use crate::usage::export::csv_writer::tests::read;

    #[test]
    fn a_request_is_a_row() {
        let request = RequestView {
            id: "0192f0a1-0000-7000-8000-000000000001".to_owned(),
            client_request_id: Some("=cmd".to_owned()),
            started_at_ms: 1_795_218_576_123,
            app_id: Some(AppId(3)),
            app_name: Some("shop, \"east\"".to_owned()),
            key_id: None,
            key_name: None,
            server_id: Some(ServerId(7)),
            server_name: Some("main".to_owned()),
            model: "@evil".to_owned(),
            endpoint: Endpoint::ChatCompletions,
            streamed: true,
            outcome: Outcome::UpstreamCut,
            status: 200,
            error_code: None,
            attempts: 2,
            queue_ms: 15,
            limited_by: Some(LimitName::ServerRequests),
            input_tokens: Some(10),
            cached_tokens: None,
            output_tokens: Some(0),
            reasoning_tokens: None,
            token_source: TokenSource::Estimated,
            cost: Some(Money { amount: Amount::from_nanos(1_500), currency: Currency::USD }),
            first_byte_ms: None,
            duration_ms: 99,
        };
        let mut writer = CsvWriter::begin(false, REQUEST_COLUMNS).unwrap();
        writer.row(request_cells(&request, &TimeZone::get("Asia/Shanghai").unwrap())).unwrap();
        let rows = read(&writer.finish().unwrap());
        let cells: Vec<(&str, &str)> =
            rows[0].iter().map(String::as_str).zip(rows[1].iter().map(String::as_str)).collect();
        assert_eq!(
            cells,
            [
                ("id", "0192f0a1-0000-7000-8000-000000000001"),
                ("client_request_id", "'=cmd"),
                ("started_at", "2026-11-21T07:49:36.123+08:00"),
                ("app_id", "3"),
                ("app", "shop, \"east\""),
                ("key_id", ""),
                ("key", ""),
                ("server_id", "7"),
                ("server", "main"),
                ("model", "'@evil"),
                ("endpoint", "chat_completions"),
                ("streamed", "true"),
                ("outcome", "upstream_cut"),
                ("status", "200"),
                ("error_code", ""),
                ("attempts", "2"),
                ("queue_ms", "15"),
                ("limited_by", "server_requests"),
                ("input_tokens", "10"),
                ("cached_tokens", ""),
                ("output_tokens", "0"),
                ("reasoning_tokens", ""),
                ("token_source", "estimated"),
                ("cost", "0.0000015"),
                ("currency", "USD"),
                ("first_byte_ms", ""),
                ("duration_ms", "99"),
            ]
        );
    }
}
