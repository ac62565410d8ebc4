//! The measures of quality at the ends of months, kept as the log passes them, so that nobody has to
//! fold it again to know them.
//!
//! A month that ends is kept where that is cheap: everybody is counted and judged, and little is
//! still to be looked at. A log that tells of years in minutes passes its months by; theirs are found
//! when they are asked for (`replay`), and are kept then. Erasing somebody changes what the log tells
//! of every month, so all that was kept goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::clocks::day_in_china;
use domain::recorded::Recorded;
use domain::rules::EDITION;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::{People, VERSION};
use crate::ViewsError;
use crate::quality::MonthEnd;
use crate::table::{Rewriting, Table};
use crate::timeliness::Month;

/// Raise it when what is kept changes its form or meaning. The rows that were counted and the
/// edition of the rules are part of the table's name.
const KEPT_VERSION: &str = "month_ends.1";
/// Before each day.
const MONTH: u8 = b'm';
/// Changed rows that may be looked at when a month ends: some milliseconds of work.
const FEW_ROWS: usize = 500;
/// As many may be once in a while: about a second of work.
const MANY_ROWS: usize = 100_000;
const ONCE_IN: Duration = Duration::from_secs(3_600);
/// Months without any event that are kept when the next event comes.
const QUIET_MONTHS_MAX: usize = 120;

/// What is kept.
pub(super) struct MonthEnds {
    pub(super) table: Table,
    /// How often all was forgotten.
    forgotten: AtomicU64,
    last_costly: Mutex<Instant>,
}

impl MonthEnds {
    pub(super) fn open(db: &sled::Db) -> Result<Self, ViewsError> {
        let name = format!("{KEPT_VERSION}.{VERSION}.{EDITION}");
        let table = Table::open(db, &name, Rewriting::Harmless)?;
        let last_costly = Mutex::new(Instant::now());
        Ok(Self { table, forgotten: AtomicU64::new(0), last_costly })
    }

    /// Forgets everything.
    pub(super) fn forget(&self) -> Result<(), ViewsError> {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        let kept = self.table.scan(&[MONTH], None, usize::MAX)?;
        self.table.change(kept.into_iter().map(|(key, _)| (key, None)));
        Ok(())
    }
}

fn key(day: Date) -> Vec<u8> {
    [&[MONTH], day.to_string().as_bytes()].concat()
}

fn month_of(event: &Recorded) -> Month {
    Month::of(day_in_china(event.envelope.clocks.recorded_at))
}

impl People {
    /// The month of the newest event that is folded; that of the next one while there is none.
    pub(crate) fn newest_month(&self, next: &[Recorded]) -> Option<Month> {
        let today = self.measures().today;
        let known = (today != Date::MIN).then(|| Month::of(today));
        known.or_else(|| next.first().map(month_of))
    }

    /// The place of the first of some events that was recorded after a month, and its month.
    pub(crate) fn first_after(month: Month, events: &[Recorded]) -> Option<(usize, Month)> {
        let place = events.iter().position(|event| month_of(event) > month)?;
        Some((place, month_of(&events[place])))
    }

    /// Keeps the measures at the ends of the months from one to before another one, where that is
    /// cheap. Everything that was recorded in them is folded, and nothing else. Only who folds may
    /// do it.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub(crate) fn pass_months(&self, from: Month, to: Month) -> Result<(), ViewsError> {
        let months = std::iter::successors(Some(from), |month| Some(month.next()));
        for month in months.take_while(|month| *month < to).take(QUIET_MONTHS_MAX) {
            let day = month.last_day();
            if !self.is_cheap_to_keep(day) {
                return Ok(());
            }
            self.go_on_to(day)?;
            self.look_across(|| true)?;
            let (measures, across) = (self.measures().as_they_are(), self.across().cells().clone());
            let kept = MonthEnd { measures, across };
            self.months.table.change([(key(day), Some(kept.to_bytes()))]);
        }
        Ok(())
    }

    fn is_cheap_to_keep(&self, day: Date) -> bool {
        let unseen = self.unseen();
        {
            let (measures, across) = (self.measures(), self.across());
            let is_whole = measures.is_whole() && across.is_whole() && !unseen.everybody;
            if !is_whole || measures.needs_recount(day) {
                return false;
            }
        }
        let mut last_costly =
            self.months.last_costly.lock().unwrap_or_else(PoisonError::into_inner);
        match unseen.rows {
            ..=FEW_ROWS => true,
            ..=MANY_ROWS if last_costly.elapsed() >= ONCE_IN => {
                *last_costly = Instant::now();
                true
            }
            _ => false,
        }
    }

    /// The measures at the end of the month that a day is the last of, where they are kept.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn month_end(&self, day: Date) -> Result<Option<MonthEnd>, ViewsError> {
        let row = self.months.table.get(&key(day))?;
        let read = |row: Vec<u8>| MonthEnd::from_bytes(&row).ok_or(ViewsError::Row(KEPT_VERSION));
        row.map(read).transpose()
    }

    /// Keeps the measures at the end of a month that were found by folding the log, unless all was
    /// forgotten since: `forgotten` is what [`People::forgotten`] said before.
    pub fn keep_month_end(&self, kept: &MonthEnd, forgotten: u64) {
        if self.forgotten() == forgotten {
            self.months.table.change([(key(kept.measures.today), Some(kept.to_bytes()))]);
        }
    }

    /// How often all was forgotten since the opening, because somebody was erased.
    pub fn forgotten(&self) -> u64 {
        self.months.forgotten.load(Ordering::Acquire)
    }

    /// The last day of each month that is kept and written, with the SHA-256 of its row.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn month_digests(&self) -> Result<Vec<(Date, [u8; 32])>, ViewsError> {
        let kept = self.months.table.scan(&[MONTH], None, usize::MAX)?;
        let digest = |(key, row): (Vec<u8>, Vec<u8>)| {
            let day = std::str::from_utf8(&key[1..]).ok().and_then(|day| day.parse().ok());
            Ok((day.ok_or(ViewsError::Row(KEPT_VERSION))?, Sha256::digest(row).into()))
        };
        kept.into_iter().map(digest).collect()
    }
}
