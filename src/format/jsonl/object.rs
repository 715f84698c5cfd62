//! One JSON object of the native format: its known fields, each as the text that stands there.
//!
//! A visitor written by hand over serde_json: unknown fields are skipped without building them, a known field given twice is an error,
//! and nothing is allocated for a line.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::format::json::Raw;

/// The fields, in the order of [`NAMES`].
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

const NAMES: [&str; 17] = [
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

impl Field {
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// The known fields of an object.
#[derive(Clone, Copy, Default)]
pub(super) struct Object<'a> {
    fields: [Option<&'a RawValue>; NAMES.len()],
}

impl<'a> Object<'a> {
    /// A field, as a piece of the content.
    pub fn get(&self, field: Field, content: &str) -> Option<Raw<'a>> {
        self.fields[field as usize].map(|raw| raw_in(content, raw))
    }

    /// The first of some fields that the object has.
    pub fn first_of(&self, fields: &[Field], content: &str) -> Option<(Field, Raw<'a>)> {
        fields.iter().find_map(|&field| Some((field, self.get(field, content)?)))
    }
}

/// serde_json borrows from what it parses: the place of a value in the content is the difference of two addresses.
pub(super) fn raw_in<'a>(content: &str, raw: &'a RawValue) -> Raw<'a> {
    let text = raw.get();
    Raw { text, at: text.as_ptr() as usize - content.as_ptr() as usize }
}

/// The index of a known field.
struct Name(Option<usize>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(Name(NAMES.iter().position(|&known| known == name)))
            }
        }
        deserializer.deserialize_identifier(NameVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut object = Object::default();
                while let Some(Name(name)) = map.next_key()? {
                    match name {
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        Some(i) if object.fields[i].is_some() => return Err(de::Error::duplicate_field(NAMES[i])),
                        Some(i) => object.fields[i] = Some(map.next_value()?),
                    }
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Appends the objects of an array.
pub(super) struct Objects<'v, 'a>(pub &'v mut Vec<Object<'a>>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for Objects<'_, 'a> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Objects<'_, 'a> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operations")
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while let Some(object) = seq.next_element()? {
            self.0.push(object);
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

    #[test]
    fn fields_are_found_where_they_stand() {
        let text = r#"{"x":{"op":[1]},"o\u0070":"read","key": 7}"#;
        let object: Object = serde_json::from_str(text).unwrap();
        let key = object.get(Field::Key, text).unwrap();
        assert_eq!((key.text, key.at), ("7", 40));
        assert_eq!(object.get(Field::Op, text).unwrap().text, "\"read\"");
        assert!(object.get(Field::Value, text).is_none());
    }
}
