//! How an archive lies in memory and in its row: one text, laid in one fixed order, with nothing
//! that nobody refers to; so a row is as small as what it says, and equal rows are equal bytes.

use domain::Item;

use super::{Archive, Span};

impl Archive {
    /// Leaves out what nothing refers to any more and lays the texts in one fixed order.
    pub(crate) fn tidy(&mut self) {
        let mut used = vec![false; self.origins.len()];
        self.each_origin(|origin| used[usize::from(*origin)] = true);
        if !used.iter().all(|used| *used) {
            let mut next = 0;
            let number = |used: &bool| {
                next += u16::from(*used);
                next.wrapping_sub(1)
            };
            let places: Vec<u16> = used.iter().map(number).collect();
            self.each_origin(|origin| *origin = places[usize::from(*origin)]);
            let mut used = used.into_iter();
            self.origins.retain(|_| used.next().unwrap_or(true));
        }
        self.lay_texts();
    }

    /// Writes the texts anew in the order of those who refer to them, each source and each number
    /// once.
    fn lay_texts(&mut self) {
        let old = std::mem::take(&mut self.texts);
        let mut new = String::with_capacity(old.len());
        let text = |span: Span| &old[span.start as usize..(span.start + span.bytes) as usize];
        let mut lay = |span: &mut Span| {
            let start = new.len() as u32;
            new.push_str(text(*span));
            span.start = start;
        };
        let mut number = None;
        for (item, value) in &mut self.items {
            let before = value.text;
            lay(&mut value.text);
            if *item == Item::CitizenId.number() {
                number = Some((before, value.text));
            }
        }
        for (_, span) in &mut self.documents {
            match number {
                Some((before, laid)) if text(before) == text(*span) => *span = laid,
                _ => lay(span),
            }
        }
        for told in &mut self.topics {
            lay(&mut told.name);
            lay(&mut told.text);
        }
        self.beside.iter_mut().for_each(|(_, value)| lay(&mut value.text));
        for told in &mut self.topics_beside {
            lay(&mut told.name);
            lay(&mut told.text);
        }
        self.needs.iter_mut().for_each(|need| need.each_span(&mut lay));
        for link in &mut self.links {
            let kept = link.before.iter_mut().chain(&mut link.at_end);
            kept.flat_map(|marital| marital.0.iter_mut().flatten())
                .for_each(|value| lay(&mut value.text));
        }
        let mut laid: Vec<(Span, Span)> = Vec::with_capacity(self.origins.len());
        for origin in &mut self.origins {
            lay(&mut origin.record);
            let before = origin.source;
            match laid.iter().find(|(known, _)| text(*known) == text(before)) {
                Some((_, span)) => origin.source = *span,
                None => {
                    lay(&mut origin.source);
                    laid.push((before, origin.source));
                }
            }
        }
        self.texts = new;
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
