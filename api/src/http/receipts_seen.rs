//! Receipts as far as their sender sees the persons whom they are about: what the audit rules doubt
//! of values that the sender does not see is not told.

use domain::Doubt;
use domain::clocks::day_in_china;
use domain::rules::{RuleBook, RuleId};
use jiff::Timestamp;

use super::flags::{is_seen, unseen};
use crate::access::Sight;
use crate::registry::receipt::{Flag, Receipt};

/// Takes out of receipts the flags of audit rules that read what is not seen. What was doubted of
/// the event itself the sender has told.
pub fn narrow(receipts: &mut [Receipt], sight: Sight) {
    if sight.is_whole() {
        return;
    }
    let (unseen, book) = (unseen(sight), RuleBook::in_force(day_in_china(Timestamp::now())));
    let is_shown = |flag: &Flag| {
        Doubt::of_rule(&flag.rule).is_some()
            || RuleId::parse(&flag.rule)
                .and_then(|id| book.rule(id))
                .is_some_and(|rule| is_seen(rule, unseen))
    };
    for receipt in receipts {
        let accepted = match receipt {
            Receipt::Recorded(accepted)
            | Receipt::Duplicate(accepted)
            | Receipt::Conflict(accepted) => accepted,
            Receipt::Rejected(_) | Receipt::Withheld | Receipt::Failed => continue,
        };
        accepted.flags.retain(is_shown);
        accepted.observations.iter_mut().for_each(|one| one.flags.retain(is_shown));
    }
}
