//! The format under damage, and segments from their making to their removal.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::entry::{Contents, Entry, HEADER, Kind, UnknownVersion, line, read};
use super::{Journal, Reading, left_behind, read_segment};
use crate::model::{Amount, AppId, Currency, KeyId, LimitName, Money, Outcome, ServerId, TokenCounts, TokenSource};
use crate::usage::record::tests::record;
use crate::usage::{AppReference, UsageRecord};

/// A record with every member set.
fn full() -> UsageRecord {
    UsageRecord {
        client_request_id: Some("id \" \n 水".to_owned()),
        app: AppReference::Registered(AppId(3)),
        key_id: Some(KeyId(4)),
        server_id: Some(ServerId(5)),
        model: "模型 \u{0} \n".to_owned(),
        error_code: Some("upstream_cut".into()),
        outcome: Outcome::UpstreamCut,
        limited_by: Some(LimitName::AppTokens),
        sent_at_ms: Some(1),
        charged_tokens: Some(i64::MAX),
        tokens: TokenCounts { input: Some(1), cached: Some(2), output: Some(i64::MIN), reasoning: Some(0) },
        token_source: TokenSource::Reported,
        cost: Some(Money { amount: Amount::from_nanos(1), currency: Currency::USD }),
        ..record()
    }
}

/// A segment of these entries, and where each of them ends (without its line break).
fn segment(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = HEADER.to_vec();
    let mut ends = Vec::new();
    for entry in entries {
        bytes.extend(line(entry.kind, &entry.record).unwrap());
        ends.push(bytes.len() - 1);
    }
    (bytes, ends)
}

fn entries() -> Vec<Entry> {
    [(Kind::Begun, full()), (Kind::Ended, record()), (Kind::Ended, full())]
        .map(|(kind, record)| Entry { kind, record })
        .to_vec()
}

/// Asserts what is read of a segment that was torn at this byte.
fn assert_cut(entries: &[Entry], bytes: &[u8], ends: &[usize], at: usize) {
    let contents = read(&bytes[..at]).unwrap();
    let whole = ends.iter().filter(|end| **end <= at).count();
    assert_eq!(contents.entries, entries[..whole], "cut at {at}");
    assert!(contents.unreadable <= 1, "cut at {at}");
}

#[test]
fn a_segment_torn_at_any_byte_gives_what_is_whole() {
    let entries = entries();
    let (bytes, ends) = segment(&entries);
    for at in 0..=bytes.len() {
        assert_cut(&entries, &bytes, &ends, at);
    }
}

#[test]
fn a_flipped_byte_anywhere_costs_one_entry_at_most() {
    let entries = entries();
    let (bytes, _) = segment(&entries);
    for at in HEADER.len()..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x15;
        let contents = read(&damaged).unwrap();
        // A line break that is gone joins two lines.
        let least = if bytes[at] == b'\n' { 1 } else { 2 };
        assert!(contents.entries.len() >= least, "byte {at}");
        assert!(contents.entries.iter().all(|entry| entries.contains(entry)), "byte {at}");
    }
}

#[test]
fn garbage_between_entries_is_skipped_and_counted() {
    let entries = entries();
    let mut bytes = HEADER.to_vec();
    for entry in &entries {
        bytes.extend(b"e 0000000000000000 2 {}\n\xff\xfe\x00garbage\n\n\n");
        bytes.extend(line(entry.kind, &entry.record).unwrap());
    }
    assert_eq!(read(&bytes), Ok(Contents { entries: entries.clone(), unreadable: 6 }));
    let (bytes, _) = segment(&entries);
    let mut damaged = bytes;
    damaged[0] = b'S';
    assert_eq!(read(&damaged), Ok(Contents { entries, unreadable: 1 }));
    assert_eq!(read(&[0; 4096]), Ok(Contents { entries: Vec::new(), unreadable: 1 }));
}

#[test]
fn another_version_is_left_alone() {
    assert_eq!(read(b"sluice journal 2\nwhatever\n"), Err(UnknownVersion));
}

proptest! {
    #[test]
    fn any_sequence_cut_anywhere_replays_to_what_was_before_the_cut(
        steps in prop::collection::vec((0_usize..8, any::<bool>(), ".{0,20}"), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let ids: Vec<Uuid> = (0..8).map(|_| Uuid::now_v7()).collect();
        let entries: Vec<Entry> = steps
            .into_iter()
            .map(|(id, has_ended, model)| Entry {
                kind: if has_ended { Kind::Ended } else { Kind::Begun },
                record: UsageRecord { id: ids[id], model, ..record() },
            })
            .collect();
        let (bytes, ends) = segment(&entries);
        let at = cut.index(bytes.len() + 1);
        assert_cut(&entries, &bytes, &ends, at);

        let before = &entries[..ends.iter().filter(|end| **end <= at).count()];
        let mut reading = Reading::default();
        let ended = reading.add(read(&bytes[..at]).unwrap());
        let expected: Vec<&UsageRecord> =
            before.iter().filter(|entry| entry.kind == Kind::Ended).map(|entry| &entry.record).collect();
        prop_assert_eq!(ended.iter().collect::<Vec<_>>(), expected);
        let open: Vec<&UsageRecord> = ids
            .iter()
            .filter_map(|id| before.iter().rfind(|entry| entry.record.id == *id))
            .filter(|entry| entry.kind == Kind::Begun)
            .map(|entry| &entry.record)
            .collect();
        let interrupted = reading.interrupted();
        prop_assert_eq!(interrupted.iter().collect::<Vec<_>>(), open);
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        drop(read(&bytes));
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_segment_goes_when_the_database_has_everything_in_it() {
    let folder = TempDir::new().unwrap();
    // Every entry fills a segment.
    let journal = Journal::with_segments_of(folder.path(), 1, u64::MAX);
    let (first, second) = (record(), record());
    journal.begun(&first);
    journal.begun(&second);
    assert!(journal.ended(&first));
    // A begun one, an ended one, the one that is written next, and the lock; what began first stands in a later segment.
    journal.settled(std::iter::empty());
    assert_eq!((files(folder.path()), journal.status().segments), (4, 3));
    journal.settled(std::iter::once(first.id));
    assert_eq!(files(folder.path()), 3);
    assert!(journal.ended(&second));
    journal.settled(std::iter::once(second.id));
    assert_eq!(files(folder.path()), 2);
    journal.close();
    assert_eq!(files(folder.path()), 0);
    assert!(!journal.ended(&first));
}

#[test]
fn a_segment_that_is_old_is_followed_by_the_next() {
    let folder = TempDir::new().unwrap();
    let journal = Journal::open(folder.path(), u64::MAX);
    let after = |minutes| journal.tend_at(Instant::now() + Duration::from_mins(minutes));
    let names = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        names.sort_unstable();
        names
    };
    let first = names();
    after(120);
    assert_eq!(names(), first, "nothing is in it");
    let record = record();
    assert!(journal.ended(&record));
    after(2);
    assert_eq!(names(), first, "it is needed");
    journal.settled(std::iter::once(record.id));
    after(0);
    assert_eq!(names(), first, "it is young");
    after(2);
    assert_eq!(files(folder.path()), 2);
    assert_ne!(names(), first);

    // A request that goes on for long, and one that has waited for the database since then.
    let waiting = full();
    journal.begun(&record);
    assert!(journal.ended(&waiting));
    after(61);
    assert_eq!(journal.status().segments, 2);
    assert!(journal.ended(&record));
    journal.settled(std::iter::once(waiting.id));
    assert_eq!(journal.status().segments, 1);
}

#[test]
fn what_waits_nowhere_else_is_kept_until_it_was_read_back() {
    let folder = TempDir::new().unwrap();
    let journal = Journal::open(folder.path(), u64::MAX);
    assert!(journal.next_spilled(None).is_none());
    let (waiting, spilled) = (record(), record());
    assert!(journal.ended(&waiting) && journal.ended(&spilled));
    journal.spill(spilled.id);
    journal.settled(std::iter::once(waiting.id));
    let segment = journal.next_spilled(None).unwrap();
    assert_eq!(segment.count, 1);
    assert_eq!(journal.status().segments, 2, "what is read is not written any more");
    let contents = read_segment(&segment.path).unwrap().unwrap();
    assert_eq!(Reading::default().add(contents), [waiting, spilled]);
    journal.read_back(&segment);
    assert!(journal.next_spilled(None).is_none());
    assert_eq!(journal.status().segments, 1);
}

#[test]
fn a_living_process_keeps_its_files_to_itself() {
    let folder = TempDir::new().unwrap();
    let living = Journal::open(folder.path(), u64::MAX);
    let other = Journal::open(folder.path(), u64::MAX);
    living.begun(&record());
    assert!(left_behind(folder.path(), other.process()).unwrap().is_empty());
    living.close();
    let left = left_behind(folder.path(), other.process()).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].segments.len(), 1);
    for process in left {
        let read = process.segments.clone();
        process.remove(&read).unwrap();
    }
    assert!(left_behind(folder.path(), other.process()).unwrap().is_empty());
    assert_eq!(files(folder.path()), 2);
}

#[test]
fn it_mends_itself() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("journal");
    // A file where the folder should be: stops a superuser too.
    std::fs::write(&folder, "").unwrap();
    let journal = Journal::open(&folder, u64::MAX);
    assert!(!journal.ended(&record()));
    assert!(!journal.status().works);
    std::fs::remove_file(&folder).unwrap();
    journal.tend();
    assert!(journal.ended(&record()));
    assert!(journal.status().works);
    // Writing to a file that was removed succeeds, and is of no use.
    std::fs::remove_dir_all(&folder).unwrap();
    journal.tend();
    assert!(journal.status().works);
    assert!(journal.ended(&record()));
    assert_eq!(files(&folder), 2);
}

#[test]
fn a_folder_that_does_not_exist_left_nothing_behind() {
    let parent = TempDir::new().unwrap();
    assert!(left_behind(&parent.path().join("journal"), Uuid::now_v7()).unwrap().is_empty());
}

#[test]
fn it_keeps_its_bound_and_takes_entries_again_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    let on_disk = || -> u64 {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    let journal = Journal::with_segments_of(folder.path(), 2_000, 10_000);
    let mut taken = Vec::new();
    loop {
        let record = record();
        if !journal.ended(&record) {
            break;
        }
        taken.push(record.id);
        assert!(taken.len() < 100, "it has no bound");
    }
    let status = journal.status();
    assert!(status.works && status.is_full, "{status:?}");
    assert_eq!((status.bytes, status.max_bytes), (on_disk(), 10_000));
    assert!((8_000..=10_000).contains(&status.bytes), "{status:?}");
    journal.begun(&record());
    assert!(!journal.ended(&record()));
    assert_eq!(on_disk(), status.bytes);

    journal.settled(taken.into_iter());
    // Nobody writes to it, and yet it is known that there is room.
    journal.tend();
    let status = journal.status();
    assert!(!status.is_full && status.bytes < 2_500, "{status:?}");
    assert_eq!(status.bytes, on_disk());
    assert!(journal.ended(&record()));

    // What an ended process left takes room, too.
    journal.left_behind(10_000);
    assert!(!journal.ended(&record()));
    journal.left_behind(0);
    assert!(journal.ended(&record()));
}

#[test]
fn an_empty_segment_is_as_large_as_its_header() {
    assert_eq!(u64::try_from(HEADER.len()), Ok(super::segment::EMPTY_BYTES));
}
