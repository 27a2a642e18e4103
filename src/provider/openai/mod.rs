//! OpenAI's format and everything that speaks it.
//!
//! Sources: OpenAI's API reference (chat completions, completions, embeddings, models); for the usage variants of the
//! family: DeepSeek (`prompt_cache_hit_tokens`), Groq (`x_groq.usage`), Kimi (`choices[0].usage`), xAI (reasoning tokens
//! beside the completion's).

mod answer_scanner;
mod answer_text;
mod chunk;
mod input_estimate;
mod quota;
mod request;
mod usage;

pub use answer_scanner::AnswerScanner;
pub use answer_text::AnswerText;
pub use chunk::{Chunk, ChunkKind, read_chunk};
pub use input_estimate::input_tokens;
pub use quota::{pause, quota};
pub use request::{authorization, endpoint_url, models_url};
pub use usage::parse_usage;
