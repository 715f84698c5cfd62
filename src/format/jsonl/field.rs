//! The fields of the native format.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use std::fmt;

use crate::format::{
    json::Raw,
    object::{Names, Object},
};

/// The fields, in the order of their [names](NAMES).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Session,
    Op,
    Key,
    Value,
    Txn,
    Status,
    Invoke,
    Complete,
    Node,
    Version,
    Final,
    Error,
    From,
    To,
    Testimony,
    Initial,
    About,
}

const FIELDS: usize = 17;

pub(super) const NAMES: [&str; FIELDS] = [
    "session",
    "op",
    "key",
    "value",
    "txn",
    "status",
    "invoke_ns",
    "complete_ns",
    "node",
    "version",
    "final",
    "error",
    "from",
    "to",
    "testimony",
    "initial",
    "about",
];

/// Reads the objects that have them.
pub(super) static NAMED: Names<FIELDS> = Names::new(NAMES);

impl Field {
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// The fields of a line, or of an operation of a transaction.
pub(super) type Fields<'a> = Object<'a, FIELDS>;

impl<'a> Fields<'a> {
    /// A field, as a piece of the content.
    pub(super) fn field(&self, field: Field, content: &str) -> Option<Raw<'a>> {
        self.get(field as usize, content)
    }

    /// The first of some fields that the object has.
    pub(super) fn first_of(&self, fields: &[Field], content: &str) -> Option<(Field, Raw<'a>)> {
        fields.iter().find_map(|&field| Some((field, self.field(field, content)?)))
    }
}

/// Appends the objects of an array.
pub(super) struct Operations<'v, 'a>(pub &'v mut Vec<Fields<'a>>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for Operations<'_, 'a> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Operations<'_, 'a> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operations")
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while let Some(fields) = seq.next_element_seed(&NAMED)? {
            self.0.push(fields);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fields_agree() {
        assert_eq!(Field::Session.name(), "session");
        assert_eq!(Field::Error.name(), "error");
        assert_eq!(Field::About.name(), "about");
    }
}
