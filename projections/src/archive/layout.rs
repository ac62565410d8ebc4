//! How an archive lies in memory and in its row: one text, laid in one fixed order, with nothing
//! that nobody refers to; so a row is as small as what it says, and equal rows are equal bytes.

use std::cell::Cell;

use domain::Item;

use super::{Archive, Span};

/// Memory in which archives are tidied, used again for the next one: each event tidies one.
#[derive(Default)]
struct Room {
    used: Vec<bool>,
    places: Vec<u16>,
    laid: Vec<(Span, Span)>,
    texts: String,
}

thread_local! {
    static ROOM: Cell<Room> = const {
        Cell::new(Room {
            used: Vec::new(),
            places: Vec::new(),
            laid: Vec::new(),
            texts: String::new(),
        })
    };
}

/// Texts that are written anew from old ones. What lies together there mostly stays together, and is
/// copied at once.
struct Laying<'a> {
    old: &'a str,
    new: String,
    /// The end of what is laid, as far as it is not copied yet.
    run: std::ops::Range<usize>,
}

impl<'a> Laying<'a> {
    fn text(&self, span: Span) -> &'a str {
        &self.old[span.start as usize..(span.start + span.bytes) as usize]
    }

    /// Lays a text behind the others.
    fn lay(&mut self, span: &mut Span) {
        let (start, bytes) = (span.start as usize, span.bytes as usize);
        span.start = (self.new.len() + self.run.len()) as u32;
        if start == self.run.end {
            self.run.end += bytes;
        } else if bytes > 0 {
            self.copy();
            self.run = start..start + bytes;
        }
    }

    fn copy(&mut self) {
        self.new.push_str(&self.old[self.run.clone()]);
    }
}

impl Archive {
    /// Leaves out what nothing refers to any more and lays the texts in one fixed order.
    pub(crate) fn tidy(&mut self) {
        let mut room = ROOM.take();
        let used = &mut room.used;
        used.clear();
        used.resize(self.origins.len(), false);
        self.each_origin(|origin| used[usize::from(*origin)] = true);
        if !used.iter().all(|used| *used) {
            let mut next = 0;
            let number = |used: &bool| {
                next += u16::from(*used);
                next.wrapping_sub(1)
            };
            let places = &mut room.places;
            places.clear();
            places.extend(used.iter().map(number));
            self.each_origin(|origin| *origin = places[usize::from(*origin)]);
            let mut used = used.iter();
            self.origins.retain(|_| used.next().is_none_or(|used| *used));
        }
        self.lay_texts(&mut room);
        ROOM.set(room);
    }

    /// Writes the texts anew in the order of those who refer to them, each source and each number
    /// once.
    fn lay_texts(&mut self, room: &mut Room) {
        let mut new = std::mem::take(&mut room.texts);
        let old = std::mem::take(&mut self.texts);
        new.clear();
        new.reserve(old.len());
        let mut to = Laying { old: &old, new, run: 0..0 };
        let mut number = None;
        for (item, value) in &mut self.items {
            let before = value.text;
            to.lay(&mut value.text);
            if *item == Item::CitizenId.number() {
                number = Some((before, value.text));
            }
        }
        for (_, span) in &mut self.documents {
            let is_it = |before| before == *span || to.text(before) == to.text(*span);
            match number {
                Some((before, laid)) if is_it(before) => *span = laid,
                _ => to.lay(span),
            }
        }
        for told in &mut self.topics {
            to.lay(&mut told.name);
            to.lay(&mut told.text);
        }
        self.beside.iter_mut().for_each(|(_, value)| to.lay(&mut value.text));
        for told in &mut self.topics_beside {
            to.lay(&mut told.name);
            to.lay(&mut told.text);
        }
        self.needs.iter_mut().for_each(|need| need.each_span(&mut |span| to.lay(span)));
        for link in &mut self.links {
            let kept = link.before.iter_mut().chain(&mut link.at_end);
            kept.flat_map(|marital| marital.0.iter_mut().flatten())
                .for_each(|value| to.lay(&mut value.text));
        }
        let laid = &mut room.laid;
        laid.clear();
        for origin in &mut self.origins {
            to.lay(&mut origin.record);
            let before = origin.source;
            // Nearly all lie where another one of the same source does.
            let there = laid
                .iter()
                .find(|(known, _)| *known == before)
                .or_else(|| laid.iter().find(|(known, _)| to.text(*known) == to.text(before)));
            match there {
                Some((_, span)) => origin.source = *span,
                None => {
                    to.lay(&mut origin.source);
                    laid.push((before, origin.source));
                }
            }
        }
        to.copy();
        self.texts = to.new;
        room.texts = old;
    }

    fn each_origin(&mut self, mut visit: impl FnMut(&mut u16)) {
        self.items.iter_mut().for_each(|(_, value)| visit(&mut value.origin));
        self.topics.iter_mut().for_each(|told| visit(&mut told.origin));
        self.beside.iter_mut().for_each(|(_, value)| visit(&mut value.origin));
        self.unapproved.iter_mut().for_each(|(_, origin)| visit(origin));
        self.topics_beside.iter_mut().for_each(|told| visit(&mut told.origin));
        self.ties_beside.iter_mut().for_each(|tie| visit(&mut tie.origin));
        self.needs.iter_mut().for_each(|need| need.each_origin(&mut visit));
        for link in &mut self.links {
            visit(&mut link.origin);
            let others = link.ended.iter_mut().chain(&mut link.word).chain(&mut link.doubt);
            others.for_each(&mut visit);
            let kept = link.before.iter_mut().chain(&mut link.at_end);
            kept.flat_map(|marital| marital.0.iter_mut().flatten())
                .for_each(|value| visit(&mut value.origin));
        }
    }
}
