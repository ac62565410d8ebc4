//! How items are set: each word on an item is taken, or kept beside the standing one when that
//! has more authority.

use domain::{DocumentKind, Item};

use super::voice::Voice;
use super::{Archive, Origin, Span, Told, Value};

impl Archive {
    pub(super) fn text(&self, span: Span) -> &str {
        &self.texts[span.start as usize..(span.start + span.bytes) as usize]
    }

    pub(super) fn add(&mut self, text: &str) -> Span {
        let start = self.texts.len() as u32;
        self.texts.push_str(text);
        Span { start, bytes: text.len() as u32 }
    }

    pub(super) fn value(&self, item: Item) -> Option<Value> {
        let at = self.items.binary_search_by_key(&item.number(), |(number, _)| *number).ok()?;
        Some(self.items[at].1)
    }

    /// Takes somebody's word on an item, or keeps it beside.
    pub(super) fn say(&mut self, item: Item, text: &str, voice: Voice) {
        let has_authority = voice.has_authority(item);
        let origin = voice.origin;
        match self.items.binary_search_by_key(&item.number(), |(number, _)| *number) {
            Ok(at) => {
                let standing = self.items[at].1;
                if !has_authority && !self.gives_way(standing, voice) {
                    return self.put_beside(item, text, voice);
                }
                let differs = self.text(standing.text) != text;
                if differs || voice.verifies() {
                    self.settle_approval(item);
                }
                if !self.beside.is_empty() && (differs || voice.verifies()) {
                    self.beside.retain(|(number, _)| *number != item.number());
                }
                let text = if differs { self.add(text) } else { standing.text };
                self.items[at].1 = Value { text, origin, has_authority };
            }
            Err(at) => {
                self.beside.retain(|(number, _)| *number != item.number());
                let text = self.add(text);
                self.items.insert(at, (item.number(), Value { text, origin, has_authority }));
            }
        }
    }

    /// Whether a standing value gives way to somebody without the word on the item: where it was
    /// said without it too, and to the department that it comes from.
    fn gives_way(&self, standing: Value, voice: Voice) -> bool {
        !standing.has_authority || self.origin(standing.origin).department == voice.department
    }

    /// Whether a voice may take an item away or change it.
    pub(super) fn may_change(&self, item: Item, voice: Voice) -> bool {
        let gives_way = |standing| voice.has_authority(item) || self.gives_way(standing, voice);
        self.value(item).is_none_or(gives_way)
    }

    /// Sets an item, whatever stands.
    pub(super) fn overwrite(&mut self, item: Item, text: &str, voice: Voice) {
        let has_authority = voice.has_authority(item);
        let text = self.add(text);
        self.put(item, Value { text, origin: voice.origin, has_authority });
    }

    /// Keeps a word beside the standing value: of each department the newest, and none that says
    /// the same.
    pub(super) fn put_beside(&mut self, item: Item, text: &str, voice: Voice) {
        let number = item.number();
        let (origins, department) = (&self.origins, voice.department);
        self.beside.retain(|(known, value)| {
            *known != number || origins[usize::from(value.origin)].department != department
        });
        if self.get(item) == Some(text) {
            // Whoever looked in the field and finds what stands settles what others said.
            if voice.verifies() {
                self.beside.retain(|(known, _)| *known != number);
            }
            return;
        }
        let value = Value { text: self.add(text), origin: voice.origin, has_authority: false };
        let at = self.beside.partition_point(|(known, _)| *known <= number);
        self.beside.insert(at, (number, value));
    }

    pub(super) fn put(&mut self, item: Item, value: Value) {
        match self.items.binary_search_by_key(&item.number(), |(number, _)| *number) {
            Ok(at) => self.items[at].1 = value,
            Err(at) => self.items.insert(at, (item.number(), value)),
        }
    }

    pub(super) fn remove(&mut self, item: Item) {
        self.settle_approval(item);
        self.items.retain(|(number, _)| *number != item.number());
    }

    /// Gives an item the text of another one; takes it away when the other has none.
    pub(super) fn copy(&mut self, from: Item, to: Item, voice: Voice) {
        match self.get(from).map(str::to_owned) {
            Some(text) => self.say(to, &text, voice),
            None => self.clear(to, voice),
        }
    }

    /// Takes an item away, when the voice may.
    pub(super) fn clear(&mut self, item: Item, voice: Voice) {
        if self.may_change(item, voice) {
            self.remove(item);
        }
    }

    pub(super) fn learn(&mut self, kind: DocumentKind, number: &str) {
        if !self.documents().any(|known| known == (kind, number)) {
            let number = self.add(number);
            self.documents.push((kind, number));
        }
    }

    /// A citizen number that is stated is a document too.
    pub(super) fn learn_number(&mut self) {
        let Some(value) = self.value(Item::CitizenId) else { return };
        let (kind, span) = (DocumentKind::CitizenId, value.text);
        if !self.documents().any(|known| known == (kind, self.text(span))) {
            self.documents.push((kind, span));
        }
    }

    /// Adds the origin of a fact, and gives its place.
    pub(super) fn add_origin(&mut self, told: &Told<'_>) -> u16 {
        let (source, record) = (self.add(told.source), self.add(told.record));
        self.origins.push(Origin {
            position: told.position,
            occurred_on: told.occurred_on,
            recorded_micros: told.recorded_micros,
            department: told.department,
            channel: told.channel,
            known_on: told.known_on,
            source,
            record,
        });
        (self.origins.len() - 1) as u16
    }
}
