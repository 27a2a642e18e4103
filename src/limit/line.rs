//! The order in which waiting requests go.
//!
//! A higher priority comes first. Within one, the order `fifo` knows one row for all, and `fair` a row for each app; the
//! rows take turns, one request each. A row that begins anew stands behind the others.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::model::{Priority, QueueOrder};

/// Names a waiting request; one that stands further behind is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket(pub(super) u64);

/// What decides where a request stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) ticket: Ticket,
    pub(super) app_name: Arc<str>,
    pub(super) priority: Priority,
}

/// Requests in the order in which they go.
#[derive(Debug, Default)]
pub(super) struct Line {
    order: QueueOrder,
    len: usize,
    low: Rows,
    normal: Rows,
    high: Rows,
}

/// The rows of one priority.
#[derive(Debug, Default)]
struct Rows {
    /// By app; under `fifo` there is one, without a name.
    tickets: HashMap<Option<Arc<str>>, BTreeSet<Ticket>>,
    /// Whose turn it is, in front.
    turns: VecDeque<Option<Arc<str>>>,
}

impl Line {
    pub(super) fn new(order: QueueOrder) -> Self {
        Self { order, ..Self::default() }
    }

    pub(super) const fn order(&self) -> QueueOrder {
        self.order
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, place: &Place) {
        let row = self.row_of(place);
        let rows = self.rows_mut(place.priority);
        let tickets = rows.tickets.entry(row.clone()).or_default();
        if tickets.is_empty() {
            rows.turns.push_back(row);
        }
        if tickets.insert(place.ticket) {
            self.len += 1;
        }
    }

    /// Whether a newcomer of this priority would be next at once: nobody as urgent waits.
    pub(super) fn is_led_by(&self, newcomer: Priority) -> bool {
        let as_urgent: &[&Rows] = match newcomer {
            Priority::Low => &[&self.low, &self.normal, &self.high],
            Priority::Normal => &[&self.normal, &self.high],
            Priority::High => &[&self.high],
        };
        as_urgent.iter().all(|rows| rows.turns.is_empty())
    }

    /// Whose turn it is.
    pub(super) fn next(&self) -> Option<Ticket> {
        let rows = [&self.high, &self.normal, &self.low].into_iter().find(|rows| !rows.turns.is_empty())?;
        rows.tickets.get(rows.turns.front()?)?.first().copied()
    }

    /// Takes a request out, because it goes or because it leaves. `went` passes the turn on.
    pub(super) fn remove(&mut self, place: &Place, went: bool) {
        let row = self.row_of(place);
        let rows = self.rows_mut(place.priority);
        let Some(tickets) = rows.tickets.get_mut(&row) else { return };
        let was_here = tickets.remove(&place.ticket);
        if tickets.is_empty() {
            rows.tickets.remove(&row);
            rows.turns.retain(|turn| *turn != row);
        } else if went && rows.turns.front() == Some(&row) {
            rows.turns.rotate_left(1);
        }
        if rows.tickets.is_empty() {
            *rows = Rows::default();
        }
        self.len -= usize::from(was_here);
    }

    /// Who has to go when the line is full and one more of this priority comes: the oldest of the least urgent; under
    /// `fair`, of the app that has the most of them, so that nobody is driven out by somebody else's flood. None if
    /// everybody is more urgent than the newcomer.
    pub(super) fn victim(&self, newcomer: Priority) -> Option<Ticket> {
        let classes = [(Priority::Low, &self.low), (Priority::Normal, &self.normal), (Priority::High, &self.high)];
        let (priority, rows) = classes.into_iter().find(|(_, rows)| !rows.turns.is_empty())?;
        if priority > newcomer {
            return None;
        }
        let longest =
            rows.tickets.values().max_by_key(|tickets| (tickets.len(), std::cmp::Reverse(tickets.first())))?;
        longest.first().copied()
    }

    /// Everybody, in the order in which they will go if nobody comes.
    pub(super) fn iter(&self) -> impl Iterator<Item = Ticket> {
        [&self.high, &self.normal, &self.low].into_iter().flat_map(Rows::in_turns)
    }

    fn row_of(&self, place: &Place) -> Option<Arc<str>> {
        match self.order {
            QueueOrder::Fifo => None,
            QueueOrder::Fair => Some(Arc::clone(&place.app_name)),
        }
    }

    const fn rows_mut(&mut self, priority: Priority) -> &mut Rows {
        match priority {
            Priority::Low => &mut self.low,
            Priority::Normal => &mut self.normal,
            Priority::High => &mut self.high,
        }
    }
}

impl Rows {
    fn in_turns(&self) -> impl Iterator<Item = Ticket> {
        let mut turns: VecDeque<_> =
            self.turns.iter().filter_map(|row| self.tickets.get(row)).map(|tickets| tickets.iter().copied()).collect();
        std::iter::from_fn(move || {
            loop {
                let mut row = turns.pop_front()?;
                if let Some(ticket) = row.next() {
                    turns.push_back(row);
                    return Some(ticket);
                }
            }
        })
    }
}
