//! The journal of this process: writes entries, knows which segments are still needed, and mends itself.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use super::entry::{Kind, line};
use super::segment::{self, Segment};
use crate::usage::UsageRecord;

/// Size at which a segment is followed by the next.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Age at which a segment is followed by the next if nothing in it is needed any more, so that it can be removed: what
/// it holds would be summed up again if it were read after retention has deleted the rows.
const DONE_AGE: Duration = Duration::from_mins(1);
/// Age at which a segment is followed by the next in any case. Far below the day that rows are kept at least.
const LONGEST_AGE: Duration = Duration::from_hours(1);
/// About the size of an entry, in bytes.
const TYPICAL_BYTES: u64 = 1024;
/// How often at most it is logged that the journal cannot be written.
const LOG_INTERVAL: Duration = Duration::from_mins(1);
/// How long it has to work again before that is logged: a full disk takes a little now and then.
const CALM: Duration = Duration::from_secs(10);

/// The journal of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: Arc<Path>,
    process: Uuid,
    state: Arc<Mutex<State>>,
}

/// How the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalStatus {
    /// Whether entries can be written.
    pub works: bool,
    /// Whether the last entry was not taken because the journal would have grown past its bound.
    pub is_full: bool,
    /// Files of this process.
    pub segments: usize,
    /// Size of its files, in bytes: of this process, and of ended ones as long as they are being read.
    pub bytes: u64,
    /// Its bound, in bytes.
    pub max_bytes: u64,
    /// Records that did not fit into the buffer and will be read back.
    pub spilled: usize,
}

/// A segment with records that wait nowhere else.
#[derive(Clone, Debug)]
pub(in crate::usage) struct Spilled {
    pub(in crate::usage) number: u64,
    pub(in crate::usage) path: PathBuf,
    /// How many they are.
    pub(in crate::usage) count: usize,
}

#[derive(Debug)]
struct State {
    /// Locked while the process lives.
    lock: Option<File>,
    /// The segment that is written; none while the journal does not work.
    writing: Option<(u64, File)>,
    segments: BTreeMap<u64, Segment>,
    next_number: u64,
    /// The segment that holds the newest entry of a request that is not in the database yet.
    held_in: HashMap<Uuid, u64>,
    failed_at: Option<Instant>,
    logged_at: Option<Instant>,
    segment_bytes: u64,
    /// Size of the segments of this process.
    bytes: u64,
    /// Size of the segments of ended processes.
    left_bytes: u64,
    max_bytes: u64,
    is_full: bool,
    full_logged_at: Option<Instant>,
    is_closed: bool,
}

impl Journal {
    /// The journal in this folder, which is made if it does not exist, of at most `max_bytes`, which are more than two
    /// segments of 8 MiB. If it cannot be written, that is logged and tried again whenever it is [tended](Self::tend).
    pub fn open(folder: &Path, max_bytes: u64) -> Self {
        Self::with_segments_of(folder, SEGMENT_BYTES, max_bytes)
    }

    pub(super) fn with_segments_of(folder: &Path, segment_bytes: u64, max_bytes: u64) -> Self {
        let journal = Self {
            folder: Arc::from(folder),
            process: Uuid::now_v7(),
            state: Arc::new(Mutex::new(State {
                lock: None,
                writing: None,
                segments: BTreeMap::new(),
                next_number: 1,
                held_in: HashMap::new(),
                failed_at: None,
                logged_at: None,
                segment_bytes,
                bytes: 0,
                left_bytes: 0,
                max_bytes,
                is_full: false,
                full_logged_at: None,
                is_closed: false,
            })),
        };
        journal.tend();
        journal
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its own files begin with.
    pub(in crate::usage) const fn process(&self) -> Uuid {
        self.process
    }

    /// Notes that a request is about to be sent: this row stands if nothing follows.
    pub fn begun(&self, record: &UsageRecord) {
        self.write(Kind::Begun, record);
    }

    /// Notes how a request ended. Returns whether it is written down.
    pub fn ended(&self, record: &UsageRecord) -> bool {
        self.write(Kind::Ended, record)
    }

    /// So much of what ended processes left behind is still to be read, in bytes: it counts towards the bound. What
    /// cannot be read does not, because it may stay for ever.
    pub(in crate::usage) fn left_behind(&self, bytes: u64) {
        self.state.lock().left_bytes = bytes;
    }

    /// The record of this request, which is written down, waits nowhere else: it has to be read back.
    pub(in crate::usage) fn spill(&self, id: Uuid) {
        let mut state = self.state.lock();
        if let Some(number) = state.held_in.remove(&id)
            && let Some(segment) = state.segments.get_mut(&number)
        {
            segment.held = segment.held.saturating_sub(1);
            segment.spilled = segment.spilled.saturating_add(1);
        }
    }

    /// These requests are in the database, or never will be. Segments that are not needed any more are removed.
    pub(in crate::usage) fn settled(&self, ids: impl Iterator<Item = Uuid>) {
        let mut state = self.state.lock();
        for id in ids {
            state.release(id);
        }
        let done = state.take_done();
        drop(state);
        remove(&done);
    }

    /// The oldest segment `after` this one with records that wait nowhere else; nothing is added to it any more.
    pub(in crate::usage) fn next_spilled(&self, after: Option<u64>) -> Option<Spilled> {
        let mut state = self.state.lock();
        if state.is_closed {
            return None;
        }
        let mut later = state.segments.iter().filter(|(number, _)| after.is_none_or(|after| **number > after));
        let (number, segment) = later.find(|(_, segment)| segment.spilled > 0)?;
        let spilled = Spilled { number: *number, path: segment.path.clone(), count: segment.spilled };
        if state.writing.as_ref().is_some_and(|(writing, _)| *writing == spilled.number) {
            self.start_segment(&mut state);
        }
        Some(spilled)
    }

    /// The records of [`Self::next_spilled`] are in the database, or never will be.
    pub(in crate::usage) fn read_back(&self, spilled: &Spilled) {
        let mut state = self.state.lock();
        if let Some(segment) = state.segments.get_mut(&spilled.number) {
            segment.spilled = segment.spilled.saturating_sub(spilled.count);
        }
        let done = state.take_done();
        drop(state);
        remove(&done);
    }

    /// Looks after it, to be called now and then: begins a new segment if it does not work, if somebody removed the
    /// file, or if the one that is written is old, and says in the log how it is.
    pub fn tend(&self) {
        self.tend_at(Instant::now());
    }

    /// The same at this time, which is not earlier than the last one.
    pub(in crate::usage) fn tend_at(&self, now: Instant) {
        let mut state = self.state.lock();
        if state.is_closed {
            return;
        }
        let is_gone = state
            .writing
            .as_ref()
            .and_then(|(number, _)| state.segments.get(number))
            .is_some_and(|segment| !segment.path.exists());
        if is_gone {
            state.fail(&io::Error::new(io::ErrorKind::NotFound, "the file was removed"));
        }
        if state.writing.is_none() || state.is_to_be_followed(now) {
            self.start_segment(&mut state);
        }
        if state.is_full {
            // So that it is known that there is room again also if no request comes.
            state.has_room(TYPICAL_BYTES);
        }
        if state.writing.is_some() && state.failed_at.is_some_and(|at| at.elapsed() >= CALM) {
            tracing::info!("the journal of requests is written again");
            state.failed_at = None;
            state.logged_at = None;
        }
        // On a disk that is full, a segment can be made and then holds no entry; these must not become many.
        let done = state.take_done();
        drop(state);
        remove(&done);
    }

    /// How it is.
    pub fn status(&self) -> JournalStatus {
        let state = self.state.lock();
        JournalStatus {
            works: state.writing.is_some(),
            is_full: state.is_full,
            segments: state.segments.len(),
            bytes: state.bytes.saturating_add(state.left_bytes),
            max_bytes: state.max_bytes,
            spilled: state.segments.values().map(|segment| segment.spilled).sum(),
        }
    }

    /// Ends it: nothing is written any more. What is still needed stays for the next start.
    pub(in crate::usage) fn close(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.is_closed, true) {
            return;
        }
        state.writing = None;
        let mut done = state.take_done();
        if state.segments.is_empty() && state.lock.is_some() {
            done.push(segment::lock_path(&self.folder, self.process));
        }
        remove(&done);
        // Only now may another process look at what is left.
        state.lock = None;
    }

    fn write(&self, kind: Kind, record: &UsageRecord) -> bool {
        let line = match line(kind, record) {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(record_id = %record.id, %error, "a usage record cannot be written to the journal");
                return false;
            }
        };
        let mut state = self.state.lock();
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if !state.has_room(length) {
            return false;
        }
        let Some((number, file)) = &mut state.writing else { return false };
        let number = *number;
        if let Err(error) = file.write_all(&line) {
            // The line may be torn now: nothing may follow it in this file.
            state.fail(&error);
            return false;
        }
        state.release(record.id);
        state.held_in.insert(record.id, number);
        let mut is_full = false;
        let limit = state.segment_bytes;
        if let Some(segment) = state.segments.get_mut(&number) {
            segment.held = segment.held.saturating_add(1);
            segment.bytes = segment.bytes.saturating_add(length);
            is_full = segment.bytes >= limit;
        }
        state.bytes = state.bytes.saturating_add(length);
        if is_full {
            self.start_segment(&mut state);
        }
        true
    }

    /// Begins the next segment. If that fails, the journal does not work until it is tended with success.
    fn start_segment(&self, state: &mut State) {
        match self.new_segment(state) {
            Ok((path, file)) => {
                let number = state.next_number;
                state.next_number = number.saturating_add(1);
                let bytes = segment::EMPTY_BYTES;
                let begun_at = Instant::now();
                state.segments.insert(number, Segment { path, bytes, begun_at, held: 0, spilled: 0 });
                state.bytes = state.bytes.saturating_add(bytes);
                state.writing = Some((number, file));
            }
            Err(error) => state.fail(&error),
        }
    }

    fn new_segment(&self, state: &mut State) -> io::Result<(PathBuf, File)> {
        std::fs::create_dir_all(&self.folder)?;
        let lock_path = segment::lock_path(&self.folder, self.process);
        if state.lock.is_none() || !lock_path.exists() {
            let lock = OpenOptions::new().append(true).create(true).open(&lock_path)?;
            // Where a file system has no locks, a second process on the same folder is not noticed; nothing else is lost.
            drop(lock.try_lock());
            state.lock = Some(lock);
        }
        let path = segment::path(&self.folder, self.process, state.next_number);
        let file = segment::create(&path)?;
        Ok((path, file))
    }
}

impl State {
    /// The journal does not work.
    fn fail(&mut self, error: &io::Error) {
        self.writing = None;
        self.failed_at = Some(Instant::now());
        if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            self.logged_at = self.failed_at;
            tracing::error!(%error, "the journal of requests cannot be written; records wait in memory alone");
        }
    }

    /// Whether the segment that is written has entries and is so old that the next is begun.
    fn is_to_be_followed(&self, now: Instant) -> bool {
        let segment = self.writing.as_ref().and_then(|(number, _)| self.segments.get(number));
        segment.is_some_and(|segment| {
            let oldest = if segment.is_done() { DONE_AGE } else { LONGEST_AGE };
            segment.bytes > segment::EMPTY_BYTES && now.saturating_duration_since(segment.begun_at) >= oldest
        })
    }

    /// Whether so many more bytes may be written. What is refused, and that it is over, is logged now and then.
    fn has_room(&mut self, bytes: u64) -> bool {
        let taken = self.bytes.saturating_add(self.left_bytes);
        let is_full = taken.saturating_add(bytes) > self.max_bytes;
        if is_full && self.full_logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            self.full_logged_at = Some(Instant::now());
            tracing::error!(
                bytes = taken,
                "the journal of requests is full (`usage.journal_max_bytes`); records wait in memory alone"
            );
        }
        if self.is_full && !is_full {
            tracing::info!(bytes = taken, "the journal of requests has room again");
        }
        self.is_full = is_full;
        !is_full
    }

    fn release(&mut self, id: Uuid) {
        if let Some(number) = self.held_in.remove(&id)
            && let Some(segment) = self.segments.get_mut(&number)
        {
            segment.held = segment.held.saturating_sub(1);
        }
    }

    /// Forgets the segments that are not needed any more, and says where their files are.
    fn take_done(&mut self) -> Vec<PathBuf> {
        let writing = self.writing.as_ref().map(|(number, _)| *number);
        let is_done = |number: &u64, segment: &mut Segment| Some(*number) != writing && segment.is_done();
        let done: Vec<Segment> = self.segments.extract_if(.., is_done).map(|(_, segment)| segment).collect();
        let bytes: u64 = done.iter().map(|segment| segment.bytes).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        done.into_iter().map(|segment| segment.path).collect()
    }
}

fn remove(paths: &[PathBuf]) {
    for path in paths {
        if let Err(error) = std::fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            // What is in it is known to the database: reading it once more changes nothing.
            tracing::warn!(%error, path = %path.display(), "a part of the journal cannot be removed");
        }
    }
}
