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
