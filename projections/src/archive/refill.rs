//! Reading what was packed, or copying, into the memory of something that was read before. Who
//! decides does both with nearly every event, of somebody else each time, and a row has a dozen lists.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Becomes what is read; of no use after an error.
pub(crate) trait Refill {
    /// Reads the same form as `Deserialize` does.
    fn refill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error>;
}

/// What is to become the next thing that is read.
pub(crate) struct Next<'a, T>(pub &'a mut T);

impl<'de, T: Refill> DeserializeSeed<'de> for Next<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.0.refill(from)
    }
}

impl Refill for String {
    fn refill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        struct Text<'a>(&'a mut String);

        // As bytes, to check the text many of them at a time: postcard writes both alike.
        impl Visitor<'_> for Text<'_> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<(), E> {
                self.0.clear();
                self.0.push_str(simdutf8::basic::from_utf8(text).map_err(E::custom)?);
                Ok(())
            }
        }
        from.deserialize_bytes(Text(self))
    }
}

impl<T: for<'de> Deserialize<'de>> Refill for Vec<T> {
    fn refill<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<(), D::Error> {
        struct List<'a, T>(&'a mut Vec<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
                self.0.clear();
                while let Some(one) = list.next_element()? {
                    self.0.push(one);
                }
                Ok(())
            }
        }
        from.deserialize_seq(List(self))
    }
}

/// What has no memory of its own.
pub(crate) struct Plain<'a, T>(pub &'a mut T);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Plain<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        *self.0 = T::deserialize(from)?;
        Ok(())
    }
}

/// The fields of a structure in the order in which they are declared, each by how it is read: it is
/// then read, and copied, into the memory of another one. Nothing is forgotten: a field that is not
/// told of does not compile.
macro_rules! refill {
    ($what:ident { $($how:ident $field:ident,)* }) => {
        impl Clone for $what {
            fn clone(&self) -> Self {
                let mut copy = Self::default();
                copy.clone_from(self);
                copy
            }

            fn clone_from(&mut self, of: &Self) {
                let $what { $($field,)* } = of;
                $(self.$field.clone_from($field);)*
            }
        }

        impl $crate::archive::refill::Refill for $what {
            fn refill<'de, D: serde::Deserializer<'de>>(
                &mut self,
                from: D,
            ) -> Result<(), D::Error> {
                struct Fields<'a>(&'a mut $what);

                impl<'de> serde::de::Visitor<'de> for Fields<'_> {
                    type Value = ();

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(stringify!($what))
                    }

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(
                        self,
                        mut fields: A,
                    ) -> Result<(), A::Error> {
                        let $what { $($field,)* } = self.0;
                        $(
                            let next = $crate::archive::refill::$how($field);
                            let missing = || serde::de::Error::missing_field(stringify!($field));
                            fields.next_element_seed(next)?.ok_or_else(missing)?;
                        )*
                        Ok(())
                    }
                }
                let fields = [$(stringify!($field),)*].len();
                from.deserialize_tuple(fields, Fields(self))
            }
        }
    };
}

pub(crate) use refill;
