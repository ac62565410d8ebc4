//! A person packed in few bytes, since who decides keeps everybody, and read back into the memory
//! of another one, since nearly every event asks for somebody else.

use super::marriages::Telling;
use super::{Join, Memo, Person, StatedBirth};
use crate::life_event::{Related, Role};
use crate::packing::{Packing, Unpacking};

impl Person {
    /// Writes all that is known.
    pub fn pack(&self, to: &mut Packing<'_>) {
        let Self { memos, births, others, tellings, owner, claims, joins } = self;
        to.number(memos.len() as u64);
        memos.iter().for_each(|memo| memo.pack(to));
        to.number(births.len() as u64);
        for birth in births {
            to.number(birth.sequence.into());
            to.day(birth.day);
        }
        to.number(others.len() as u64);
        for (sequence, Related { role, person }) in others {
            to.number((*sequence).into());
            to.number(role.number().into());
            to.person(*person);
        }
        to.number(tellings.len() as u64);
        tellings.iter().for_each(|telling| telling.pack(to));
        to.number(owner.is_some().into());
        owner.iter().for_each(|owner| to.person(*owner));
        for joins in [claims, joins] {
            to.number(joins.len() as u64);
            for Join { sequence, other } in joins {
                to.number((*sequence).into());
                to.person(*other);
            }
        }
    }

    /// Becomes what was packed, whoever it was before.
    pub fn unpack(&mut self, from: &mut Unpacking<'_>) {
        let Self { memos, births, others, tellings, owner, claims, joins } = self;
        fill(memos, from, Memo::unpack);
        fill(births, from, |from| StatedBirth { sequence: from.short(), day: from.day() });
        fill(others, from, |from| {
            let (sequence, role) = (from.short(), Role::from_number(from.number() as u8));
            (sequence, Related { role: role.expect("a role"), person: from.person() })
        });
        fill(tellings, from, Telling::unpack);
        *owner = (from.number() == 1).then(|| from.person());
        for joins in [claims, joins] {
            fill(joins, from, |from| Join { sequence: from.short(), other: from.person() });
        }
    }
}

impl Memo {
    /// Last the target, from 1, in front of one bit that says whether it is approved.
    fn pack(&self, to: &mut Packing<'_>) {
        to.bytes(&self.key.0);
        to.number(self.number.into());
        to.day(self.occurred_on);
        let target = self.target.map_or(0, |target| u64::from(target) + 1);
        to.number(target << 1 | u64::from(self.is_approved));
    }

    fn unpack(from: &mut Unpacking<'_>) -> Self {
        let (key, number, occurred_on) = (from.bytes(), from.number() as u16, from.day());
        let last = from.number();
        let target = (last >> 1).checked_sub(1).map(|target| target as u32);
        let key = crate::recorded::HalfKey(key);
        Self { key, number, occurred_on, target, is_approved: last & 1 == 1 }
    }
}

/// Reads a list into the memory of another one.
fn fill<T>(
    list: &mut Vec<T>,
    from: &mut Unpacking<'_>,
    mut read: impl FnMut(&mut Unpacking<'_>) -> T,
) {
    list.clear();
    let count = from.number() as usize;
    list.extend((0..count).map(|_| read(from)));
}
