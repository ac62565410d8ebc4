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
        // Nothing is forgotten: a field that is not told of does not compile.
        let Self {
            absorbed,
            joined,
            stood,
            hidden,
            archive,
            version,
            newest_day,
            events,
            reported_for,
            owner,
            protected,
        } = of;
        self.absorbed.clone_from(absorbed);
        self.joined.clone_from(joined);
        self.stood.clone_from(stood);
        self.hidden.clone_from(hidden);
        self.archive.clone_from(archive);
        self.version.clone_from(version);
        self.newest_day.clone_from(newest_day);
        self.events.clone_from(events);
        self.reported_for.clone_from(reported_for);
        self.owner.clone_from(owner);
        self.protected.clone_from(protected);
    }
}
