//! Small line drawings, always beside words that say the same.

use leptos::prelude::*;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// A gauge.
    Overview,
    /// Stacked boxes.
    Servers,
    /// Four squares.
    Apps,
    /// A key.
    Keys,
    /// A coin.
    Prices,
    /// Lines.
    Requests,
    /// Three bars.
    Menu,
    /// A person.
    Person,
    /// A globe.
    Language,
    /// A half-filled circle.
    Theme,
    /// A plus.
    Add,
    /// An arrow up.
    Up,
    /// An arrow down.
    Down,
    /// A bin.
    Delete,
    /// A tick.
    Tick,
    /// A warning triangle.
    Warning,
    /// Two sheets.
    Copy,
    /// An hourglass.
    Queue,
}

impl Glyph {
    /// Its outline on a grid of 24 by 24.
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "M4 18a8 8 0 1 1 16 0M12 18l4-6M4 18h16",
            Self::Servers => "M4 5h16v5H4zM4 14h16v5H4zM8 7.5h.01M8 16.5h.01",
            Self::Apps => "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
            Self::Keys => "M15.5 13a4.5 4.5 0 1 0-4.2-2.9L4 17.5V20h3v-2h2v-2h2l1.8-1.8M16 8.5h.01",
            Self::Prices => {
                "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM15 9.500c-.5-1-1.600-1.500-3-1.500-1.700 0-3 .8-3 2s1.300 1.700 3 2 3 .8 3 2-1.300 2-3 2c-1.400 0-2.500-.5-3-1.500M12 6v2M12 16v2"
            }
            Self::Requests => "M4 6h16M4 12h16M4 18h10",
            Self::Menu => "M4 7h16M4 12h16M4 17h16",
            Self::Person => "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
            Self::Language => {
                "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c2.5 2.6 3.7 5.6 3.7 9s-1.2 6.4-3.7 9c-2.500-2.600-3.700-5.600-3.700-9S9.500 5.6 12 3z"
            }
            Self::Theme => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 3v18M12 7h6.500M12 12h9M12 17h6.500",
            Self::Add => "M12 5v14M5 12h14",
            Self::Up => "M12 19V5M6 11l6-6 6 6",
            Self::Down => "M12 5v14M6 13l6 6 6-6",
            Self::Delete => "M5 7h14M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3",
            Self::Tick => "M5 12.500l4.500 4.500L19 7.500",
            Self::Warning => "M12 4l9 16H3zM12 10v4M12 17h.01",
            Self::Queue => "M7 4h10M7 20h10M8 4v3.500l4 4.500 4-4.500V4M8 20v-3.500l4-4.500 4 4.500V20",
            Self::Copy => "M9 9h11v11H9zM5 15H4V4h11v1",
        }
    }
}

/// One drawing, as high as the text beside it; hidden from screen readers.
#[component]
pub(crate) fn Icon(
    /// What is drawn.
    glyph: Glyph,
) -> impl IntoView {
    view! {
        <svg
            viewBox="0 0 24 24"
            class="size-[1.15em] shrink-0 fill-none stroke-current"
            stroke-width="1.75"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=glyph.path() />
        </svg>
    }
    .into_any()
}
