//! What happened to a request when: a bar for the eye, and a list that says the same.

use leptos::prelude::*;
use sluice::model::{Outcome, RequestDetail};

use crate::format::duration_text;
use crate::preferences::use_locale;
use crate::text;
use crate::translations::{Locale, td_string};

/// Width of the bar in its own units.
const WIDTH: u64 = 1000;
/// A part that took any time at all is seen.
const NARROWEST: u64 = 4;

/// A part of the time that a request took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// In queues.
    Queued,
    /// Inside Sluice, and at upstreams that did not answer.
    Before,
    /// From the sending to the first byte.
    Waiting,
    /// From the first byte to the end.
    Answering,
}

impl Part {
    /// The colour of its piece of the bar.
    const fn class(self) -> &'static str {
        match self {
            Self::Queued => "fill-warning",
            Self::Before => "fill-base-content/30",
            Self::Waiting => "fill-primary/50",
            Self::Answering => "fill-primary",
        }
    }

    /// The same for its dot in the list.
    const fn dot(self) -> &'static str {
        match self {
            Self::Queued => "bg-warning",
            Self::Before => "bg-base-content/30",
            Self::Waiting => "bg-primary/50",
            Self::Answering => "bg-primary",
        }
    }

    fn name(self, locale: Locale) -> &'static str {
        match self {
            Self::Queued => td_string!(locale, requests.part_queued),
            Self::Before => td_string!(locale, requests.part_before),
            Self::Waiting => td_string!(locale, requests.part_waiting),
            Self::Answering => td_string!(locale, requests.part_answering),
        }
    }
}

/// How long each part took, in milliseconds, in order, without those that took none.
fn parts(detail: &RequestDetail) -> Vec<(Part, u64)> {
    let request = &detail.request;
    let end = u64::from(request.duration_ms);
    let sent = detail.sent_at_ms.map(|sent| u64::try_from(sent.saturating_sub(request.started_at_ms)).unwrap_or(0));
    let first_byte = request.first_byte_ms.map(u64::from);
    // Each moment lies between the one before and the end, whatever the clock did.
    let sent = sent.unwrap_or(end).min(first_byte.unwrap_or(end)).min(end);
    let first_byte = first_byte.unwrap_or(end).clamp(sent, end);
    let queued = u64::from(request.queue_ms).min(sent);
    let parts = [
        (Part::Queued, queued),
        (Part::Before, sent - queued),
        (Part::Waiting, first_byte - sent),
        (Part::Answering, end - first_byte),
    ];
    parts.into_iter().filter(|(_, took)| *took > 0).collect()
}

/// Where each part begins in the bar, and how wide it is.
fn pieces(parts: &[(Part, u64)]) -> Vec<(Part, u64, u64)> {
    let total: u64 = parts.iter().map(|(_, took)| took).sum();
    let narrow = NARROWEST * u64::try_from(parts.len()).unwrap_or(0);
    let mut begin = 0;
    let mut pieces = Vec::with_capacity(parts.len());
    for (part, took) in parts {
        let width = NARROWEST + (WIDTH - narrow) * took / total.max(1);
        pieces.push((*part, begin, width));
        begin += width;
    }
    pieces
}

/// What happened when.
#[component]
pub(super) fn Timeline(
    /// The request.
    detail: RequestDetail,
) -> impl IntoView {
    let locale = use_locale();
    let parts = parts(&detail);
    let bar = pieces(&parts)
        .into_iter()
        .map(|(part, begin, width)| {
            view! { <rect x=begin.to_string() y="0" width=width.to_string() height="12" class=part.class() /> }
        })
        .collect_view();
    let legend = parts
        .iter()
        .map(|(part, took)| {
            let took = duration_text(u32::try_from(*took).unwrap_or(u32::MAX));
            view! {
                <li class="flex items-center gap-2">
                    <span class=format!("size-2.5 rounded-full {}", part.dot()) aria-hidden="true"></span>
                    <span>{part.name(locale)}</span>
                    <span class="tabular-nums font-medium">{took}</span>
                </li>
            }
        })
        .collect_view();
    let steps = steps(locale, &detail)
        .into_iter()
        .map(|(at, what)| {
            view! {
                <li class="flex gap-3">
                    <span class="quiet w-20 shrink-0 text-right tabular-nums">{at}</span>
                    <span class="min-w-0">{what}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <h3 class="mt-6 mb-2 font-semibold">{td_string!(locale, requests.timeline)}</h3>
        <svg
            viewBox="0 0 1000 12"
            preserveAspectRatio="none"
            class="block h-3 w-full overflow-hidden rounded-full bg-base-200"
            aria-hidden="true"
        >
            {bar}
        </svg>
        <ul class="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm">{legend}</ul>
        <ol class="mt-3 grid gap-1 text-sm">{steps}</ol>
    }
    .into_any()
}

/// The moments in order: how long after the arrival, and what happened then.
fn steps(locale: Locale, detail: &RequestDetail) -> Vec<(String, String)> {
    let request = &detail.request;
    let after = |milliseconds: u32| format!("+{}", duration_text(milliseconds));
    let mut steps = vec![(after(0), td_string!(locale, requests.step_arrived).to_owned())];
    if let Some(waited) = text::waited(locale, request.queue_ms, request.limited_by) {
        // Where in between it waited is not remembered; mostly at once.
        steps.push((String::new(), waited));
    }
    if let Some(sent_at_ms) = detail.sent_at_ms {
        let sent = u32::try_from(sent_at_ms.saturating_sub(request.started_at_ms)).unwrap_or(0);
        let server = request.server_name.clone().unwrap_or_default();
        let what = if request.attempts > 1 {
            td_string!(locale, requests.step_sent_again, server = server, attempt = request.attempts)
        } else {
            td_string!(locale, requests.step_sent, server = server)
        };
        steps.push((after(sent), what));
    }
    if let Some(first_byte) = request.first_byte_ms {
        steps.push((after(first_byte), td_string!(locale, requests.step_first_byte).to_owned()));
    }
    let end = if request.outcome == Outcome::Interrupted { String::new() } else { after(request.duration_ms) };
    steps.push((end, text::outcome(locale, request.outcome).to_owned()));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(queue_ms: u32, sent: Option<i64>, first_byte_ms: Option<u32>, duration_ms: u32) -> RequestDetail {
        let json = serde_json::json!({
            "id": "x", "client_request_id": null, "started_at_ms": 1000, "app_id": null, "app_name": null, "key_id": null,
            "key_name": null, "server_id": null, "server_name": "main", "model": "m", "endpoint": "chat_completions",
            "streamed": false, "outcome": "completed", "status": 200, "error_code": null, "attempts": 1,
            "queue_ms": queue_ms, "limited_by": null, "input_tokens": null, "cached_tokens": null, "output_tokens": null,
            "reasoning_tokens": null, "token_source": "none", "cost": null, "first_byte_ms": first_byte_ms,
            "duration_ms": duration_ms, "sent_at_ms": sent.map(|sent| 1000 + sent), "charged_tokens": null, "price": null,
        });
        serde_json::from_value(json).unwrap_or_else(|error| unreachable!("{error}"))
    }

    #[test]
    fn the_parts_are_the_whole_whatever_the_clock_did() {
        assert_eq!(
            parts(&detail(10, Some(15), Some(40), 100)),
            [(Part::Queued, 10), (Part::Before, 5), (Part::Waiting, 25), (Part::Answering, 60)]
        );
        assert_eq!(parts(&detail(0, None, None, 7)), [(Part::Before, 7)]);
        assert_eq!(parts(&detail(0, None, None, 0)), []);
        for sent in [None, Some(-500), Some(3), Some(5000)] {
            for first_byte in [None, Some(0), Some(50), Some(9000)] {
                for queued in [0, 20, 9000] {
                    let parts = parts(&detail(queued, sent, first_byte, 100));
                    assert_eq!(
                        parts.iter().map(|(_, took)| took).sum::<u64>(),
                        100,
                        "{sent:?} {first_byte:?} {queued}"
                    );
                }
            }
        }
    }

    #[test]
    fn even_the_shortest_part_is_seen() {
        let pieces = pieces(&[(Part::Queued, 1), (Part::Waiting, 1_000_000), (Part::Answering, 1)]);
        assert!(pieces.iter().all(|(_, _, width)| *width >= NARROWEST));
        let last = pieces.last().map(|(_, begin, width)| begin + width);
        assert!(last.is_some_and(|end| end <= WIDTH && end > WIDTH - 5));
    }
}
