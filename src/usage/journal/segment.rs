//! One file of the journal: how it is named, made, and what is known of it while the process lives.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use uuid::Uuid;

use super::entry::HEADER;

/// How the names of segments end.
const SEGMENT_SUFFIX: &str = ".journal";
/// How the names of lock files end.
const LOCK_SUFFIX: &str = ".lock";

/// Size of a segment without entries.
pub(super) const EMPTY_BYTES: u64 = 17;

/// What is known of a segment of this process.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// When it was made.
    pub(super) begun_at: Instant,
    /// Requests whose newest entry is in it and that are not in the database yet.
    pub(super) held: usize,
    /// Records in it that wait nowhere else.
    pub(super) spilled: usize,
}

impl Segment {
    /// Whether nothing in it is needed any more.
    pub(super) const fn is_done(&self) -> bool {
        self.held == 0 && self.spilled == 0
    }
}

/// Makes a new segment with its header.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
    if let Err(error) = file.write_all(HEADER) {
        drop(std::fs::remove_file(path));
        return Err(error);
    }
    Ok(file)
}

/// Where a segment of a process lies.
pub(super) fn path(folder: &Path, process: Uuid, number: u64) -> PathBuf {
    folder.join(format!("{}-{number:08}{SEGMENT_SUFFIX}", process.simple()))
}

/// Where the lock of a process lies.
pub(super) fn lock_path(folder: &Path, process: Uuid) -> PathBuf {
    folder.join(format!("{}{LOCK_SUFFIX}", process.simple()))
}

/// What a file of the folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileName {
    /// This segment of this process.
    Segment(Uuid, u64),
    /// The lock of this process.
    Lock(Uuid),
}

impl FileName {
    /// None for a file that is not the journal's.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if let Some(process) = name.strip_suffix(LOCK_SUFFIX) {
            return Some(Self::Lock(Uuid::try_parse(process).ok()?));
        }
        let (process, number) = name.strip_suffix(SEGMENT_SUFFIX)?.split_once('-')?;
        Some(Self::Segment(Uuid::try_parse(process).ok()?, number.parse().ok()?))
    }
}
