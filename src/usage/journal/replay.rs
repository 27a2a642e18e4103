//! What processes before this one left behind.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::entry::{self, Contents, Kind, UnknownVersion};
use super::segment::{self, FileName};
use crate::usage::UsageRecord;

/// A segment is far smaller; what stands behind this in a file is not the journal's.
const READ_BYTES: u64 = 64 * 1024 * 1024;

/// The files of a process that has ended.
#[derive(Debug)]
pub(in crate::usage) struct LeftBehind {
    /// Its segments, oldest first.
    pub(in crate::usage) segments: Vec<PathBuf>,
    lock_path: PathBuf,
    /// Held, so that only one process reads them.
    _lock: Option<File>,
}

impl LeftBehind {
    /// Size of its segments in bytes, as far as they can be looked at.
    pub(in crate::usage) fn bytes(&self) -> u64 {
        self.segments.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum()
    }

    /// Removes these segments, and the lock as well if they are all.
    ///
    /// # Errors
    /// What the file system says; reading them again later changes nothing.
    pub(in crate::usage) fn remove(self, read: &[PathBuf]) -> io::Result<()> {
        for path in read {
            std::fs::remove_file(path)?;
        }
        if read.len() == self.segments.len() {
            match std::fs::remove_file(&self.lock_path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The files in the folder whose processes have ended, oldest process first. `own` is this process.
///
/// # Errors
/// The folder cannot be read. That it does not exist is no error.
pub(in crate::usage) fn left_behind(folder: &Path, own: Uuid) -> io::Result<Vec<LeftBehind>> {
    let files = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let mut processes: BTreeMap<Uuid, BTreeMap<u64, PathBuf>> = BTreeMap::new();
    for file in files {
        let file = file?;
        match file.file_name().to_str().and_then(FileName::parse) {
            Some(FileName::Segment(process, number)) => {
                processes.entry(process).or_default().insert(number, file.path());
            }
            Some(FileName::Lock(process)) => {
                processes.entry(process).or_default();
            }
            None => {}
        }
    }
    processes.remove(&own);
    let mut left = Vec::new();
    for (process, segments) in processes {
        let lock_path = segment::lock_path(folder, process);
        let lock = File::options().append(true).open(&lock_path).ok();
        if let Some(lock) = &lock
            && matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
        {
            // It lives.
            continue;
        }
        left.push(LeftBehind { segments: segments.into_values().collect(), lock_path, _lock: lock });
    }
    Ok(left)
}

/// Reads a segment as far as it can be read.
///
/// # Errors
/// The file cannot be read at all.
pub(in crate::usage) fn read_segment(path: &Path) -> io::Result<Result<Contents, UnknownVersion>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(READ_BYTES).read_to_end(&mut bytes)?;
    Ok(entry::read(&bytes))
}

/// Puts the entries of a process together, segment by segment.
#[derive(Debug, Default)]
pub(in crate::usage) struct Reading {
    open: HashMap<Uuid, UsageRecord>,
    /// Lines that could not be read.
    pub(in crate::usage) unreadable: usize,
}

impl Reading {
    /// Takes the next segment and returns the requests that ended in it.
    pub(in crate::usage) fn add(&mut self, contents: Contents) -> Vec<UsageRecord> {
        self.unreadable = self.unreadable.saturating_add(contents.unreadable);
        let mut ended = Vec::with_capacity(contents.entries.len());
        for entry in contents.entries {
            match entry.kind {
                Kind::Begun => {
                    self.open.insert(entry.record.id, entry.record);
                }
                Kind::Ended => {
                    self.open.remove(&entry.record.id);
                    ended.push(entry.record);
                }
            }
        }
        ended
    }

    /// The requests that began and did not end, oldest first.
    pub(in crate::usage) fn interrupted(self) -> Vec<UsageRecord> {
        let mut open: Vec<UsageRecord> = self.open.into_values().collect();
        open.sort_unstable_by_key(|record| record.id);
        open
    }
}
