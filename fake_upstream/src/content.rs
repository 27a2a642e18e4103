//! The text of answers: short sentences, handed out piece by piece.
//!
//! Nothing is random: the same prompt starts at the same sentence. Invariants: a piece is made when it is asked for
//! and never kept; a piece of a given size has exactly that many bytes; no piece needs escaping in JSON.

/// Words of a sentence, and sentences per language.
const WORDS: usize = 8;

/// Every sentence has [`WORDS`] words, so that the default number of pieces is one whole sentence.
const ENGLISH: [&str; 8] = [
    "The river is calm above the old lock.",
    "A heron waits patiently beside the quiet sluice.",
    "Water rises slowly until both levels are equal.",
    "The keeper opens the upper gates at dawn.",
    "Small boats gather where the stream runs wide.",
    "Below the weir the current sings all night.",
    "Every sluice lets through just what it should.",
    "Rain upstream means busy gates here by evening.",
];

/// Words are parted by `|`, since Chinese has no spaces.
const CHINESE: [&str; 6] = [
    "清晨|的|河水|缓缓|流过|古老的|船闸|。",
    "白鹭|静静地|站在|水闸|旁边|等待|小鱼|。",
    "水位|慢慢|升高|，|两边|终于|持平|。",
    "小船|在|宽阔的|河面|上|排队|过闸|。",
    "夜里|，|堰坝|下|的|水声|像歌|。",
    "上游|下雨|，|傍晚|闸门|就会|忙碌|。",
];

/// Characters of three and four bytes in turn.
const UTF8: [&str; 8] = ["河🌊", "闸🚤", "€🐟", "水𝄞", "流🛶", "→🌧", "桥🦆", "岸🌉"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    Chinese,
    Utf8,
}

/// A text without end that pieces are taken from.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    language: Language,
    /// The sentence to start with.
    start: usize,
    chunk_bytes: Option<usize>,
}

impl Content {
    /// A text in the language of the prompt, or of 3- and 4-byte characters if `utf8`.
    pub(crate) fn new(prompt: &str, utf8: bool, chunk_bytes: Option<usize>) -> Self {
        let language = match utf8 {
            true => Language::Utf8,
            false if prompt.chars().any(is_cjk) => Language::Chinese,
            false => Language::English,
        };
        Self { language, start: hash(prompt), chunk_bytes }
    }

    /// The piece at an index, with the space in front that joins it to the one before.
    pub(crate) fn piece(&self, index: usize) -> String {
        if let Some(bytes) = self.chunk_bytes {
            return self.filled(bytes);
        }
        let word = self.word(index);
        if self.language == Language::English && index > 0 { format!(" {word}") } else { word.to_owned() }
    }

    /// About how many bytes a piece has, from above.
    pub(crate) fn piece_bytes(&self) -> usize {
        self.chunk_bytes.unwrap_or(16)
    }

    fn word(&self, index: usize) -> &'static str {
        let sentence = self.start.wrapping_add(index / WORDS);
        let (sentences, separator): (&[&'static str], char) = match self.language {
            Language::English => (&ENGLISH, ' '),
            Language::Chinese => (&CHINESE, '|'),
            Language::Utf8 => return UTF8.get(index % UTF8.len()).copied().unwrap_or_default(),
        };
        let sentence = sentences.get(sentence % sentences.len()).copied().unwrap_or_default();
        sentence.split(separator).nth(index % WORDS).unwrap_or_default()
    }

    fn filled(&self, bytes: usize) -> String {
        let pattern: String = (0..WORDS)
            .flat_map(|index| [self.word(index), if self.language == Language::English { " " } else { "" }])
            .collect();
        let mut text = pattern.repeat(bytes / pattern.len().max(1));
        for character in pattern.chars() {
            if text.len() + character.len_utf8() > bytes {
                break;
            }
            text.push(character);
        }
        let missing = bytes.saturating_sub(text.len());
        text.extend(std::iter::repeat_n('.', missing));
        text
    }
}

/// Chinese characters, as used in Chinese, Japanese and old Korean text.
fn is_cjk(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

/// FNV-1a, which stays the same over releases, unlike the hasher of the standard library.
fn hash(text: &str) -> usize {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    usize::try_from(hash).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &Content, pieces: usize) -> String {
        (0..pieces).map(|index| content.piece(index)).collect()
    }

    #[test]
    fn every_sentence_has_eight_words() {
        assert!(ENGLISH.iter().all(|sentence| sentence.split(' ').count() == WORDS));
        assert!(CHINESE.iter().all(|sentence| sentence.split('|').count() == WORDS));
    }

    #[test]
    fn the_default_answer_is_one_sentence_in_the_language_of_the_prompt() {
        assert!(ENGLISH.contains(&text(&Content::new("hello", false, None), WORDS).as_str()));
        let chinese = text(&Content::new("你好", false, None), WORDS);
        assert!(CHINESE.iter().any(|sentence| sentence.replace('|', "") == chinese));
    }

    #[test]
    fn utf8_text_has_no_short_character() {
        let text = text(&Content::new("hello", true, None), 20);
        assert!(text.chars().all(|character| (3..=4).contains(&character.len_utf8())));
        assert!(text.chars().any(|character| character.len_utf8() == 4));
    }

    #[test]
    fn sized_pieces_have_their_size() {
        for bytes in [1, 2, 3, 5, 100, 4096] {
            for content in [
                Content::new("hello", false, Some(bytes)),
                Content::new("你好", false, Some(bytes)),
                Content::new("hello", true, Some(bytes)),
            ] {
                assert_eq!(content.piece(0).len(), bytes);
                assert_eq!(content.piece(1).len(), bytes);
            }
        }
    }
}
