//! Language and theme: chosen by the person, remembered in cookies, read by the server before the first byte.
//!
//! The browser never reads the cookies; it takes over what the server wrote on `<html>`, so both sides always agree.

use std::str::FromStr;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::translations::Locale;

/// Cookie that remembers the language.
#[cfg(feature = "ssr")]
pub(crate) const LOCALE_COOKIE: &str = "sluice_locale";
/// Cookie that remembers the theme.
#[cfg(feature = "ssr")]
pub(crate) const THEME_COOKIE: &str = "sluice_theme";

/// A language of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Language {
    /// Every language, in the order in which the switch offers them.
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The name in the cookie and in forms.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The value of the `lang` attribute.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Its own name for itself, which is the same in every language.
    pub(crate) const fn native_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "简体中文",
        }
    }

    /// The language of a tag such as `zh-CN`, `zh_TW` or `en`; `None` for one that the dashboard does not speak.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }

    /// The language that an `Accept-Language` header likes best; English if it names none that the dashboard speaks.
    #[cfg_attr(not(any(test, feature = "ssr")), expect(dead_code, reason = "only servers see the header"))]
    pub(crate) fn from_accept_language(header: &str) -> Self {
        let mut best: Option<(f32, Self)> = None;
        // Browsers send a handful; the bound keeps a made-up header cheap.
        for entry in header.split(',').take(32) {
            let mut parts = entry.split(';');
            let Some(language) = parts.next().and_then(Self::from_tag) else { continue };
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |quality| quality.trim().parse::<f32>().unwrap_or(0.0));
            if quality > 0.0 && best.is_none_or(|(highest, _)| quality > highest) {
                best = Some((quality, language));
            }
        }
        best.map_or_else(Self::default, |(_, language)| language)
    }

    /// The texts in this language.
    pub(crate) const fn locale(self) -> Locale {
        match self {
            Self::En => Locale::en,
            Self::Zh => Locale::zh,
        }
    }
}

impl FromStr for Language {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_tag(text).ok_or(())
    }
}

/// A colour theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// What the operating system prefers.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Every theme, in the order in which the switch offers them.
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The name in the cookie and in forms.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The value of `data-theme` on `<html>`; without the attribute the style sheet follows the operating system.
    pub(crate) const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("sluice-light"),
            Self::Dark => Some("sluice-dark"),
        }
    }

    /// The theme that belongs to a value of `data-theme`.
    #[cfg_attr(all(feature = "ssr", not(test)), expect(dead_code, reason = "only browsers read the attribute"))]
    pub(crate) fn from_attribute(value: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|theme| theme.attribute() == value).unwrap_or_default()
    }
}

impl FromStr for Theme {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text).ok_or(())
    }
}

/// What a person chose about the look of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// The language.
    pub(crate) language: Language,
    /// The theme when the page was loaded.
    pub(crate) theme: Theme,
}

impl Preferences {
    /// Those of the page that is being rendered or taken over.
    pub(crate) fn current() -> Self {
        #[cfg(feature = "ssr")]
        {
            crate::ssr::preferences()
        }
        #[cfg(not(feature = "ssr"))]
        {
            let (language, theme) = crate::browser::root_attributes();
            Self {
                language: language.as_deref().and_then(Language::from_tag).unwrap_or_default(),
                theme: Theme::from_attribute(theme.as_deref()),
            }
        }
    }
}

/// The preferences of this page.
pub(crate) fn use_preferences() -> Preferences {
    use_context::<Preferences>().unwrap_or_default()
}

/// The texts of this page's language.
pub(crate) fn use_locale() -> Locale {
    use_preferences().language.locale()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_language_with_the_highest_quality() {
        assert_eq!(Language::from_accept_language("zh-CN,zh;q=0.9,en;q=0.8"), Language::Zh);
        assert_eq!(Language::from_accept_language("en;q=0.4, zh-TW;q=0.7"), Language::Zh);
        assert_eq!(Language::from_accept_language("fr-FR, en;q=0.5"), Language::En);
    }

    #[test]
    fn falls_back_to_english() {
        assert_eq!(Language::from_accept_language(""), Language::En);
        assert_eq!(Language::from_accept_language("fr;q=x, zh;q=0, \u{0};;=,"), Language::En);
    }

    #[test]
    fn the_attribute_leads_back_to_the_theme() {
        for theme in Theme::ALL {
            assert_eq!(Theme::from_attribute(theme.attribute()), theme);
            assert_eq!(theme.as_str().parse(), Ok(theme));
        }
        assert_eq!(Theme::from_attribute(Some("unknown")), Theme::System);
    }

    #[test]
    fn the_tag_leads_back_to_the_language() {
        for language in Language::ALL {
            assert_eq!(Language::from_tag(language.tag()), Some(language));
        }
    }
}
