//! A row that takes the place of another one and its memory: read, or copied. Who decides does both
//! with nearly every event.

use super::Row;
use crate::archive::refill::refill;

refill!(Row {
    Plain version,
    Plain newest_day,
    Plain events,
    Plain reported_for,
    Plain owner,
    Next absorbed,
    Next joined,
    Next stood,
    Next hidden,
    Plain protected,
    Next archive,
});

impl Clone for Row {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, of: &Self) {
        self.absorbed.clone_from(&of.absorbed);
        self.joined.clone_from(&of.joined);
        self.stood.clone_from(&of.stood);
        self.hidden.clone_from(&of.hidden);
        self.archive.clone_from(&of.archive);
        let Self { version, newest_day, events, reported_for, owner, protected, .. } = of;
        (self.version, self.newest_day, self.events) = (*version, *newest_day, *events);
        (self.reported_for, self.owner) = (*reported_for, *owner);
        self.protected = *protected;
    }
}
