//! The known fields of a JSON object, each as the text that stands there.
//!
//! A visitor written by hand over serde_json: unknown fields are skipped without building them, a known field given twice is an error,
//! and nothing is allocated for an object.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::Raw;

/// The fields of an object that have names in a list, by their place in it.
#[derive(Clone, Copy)]
pub(super) struct Object<'a, const N: usize> {
    fields: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Object<'a, N> {
    /// A field, as a piece of the content.
    pub fn get(&self, field: usize, content: &str) -> Option<Raw<'a>> {
        self.fields[field].map(|raw| raw_in(content, raw))
    }
}

/// serde_json borrows from what it parses: the place of a value in the content is the difference of two addresses.
pub(super) fn raw_in<'a>(content: &str, raw: &'a RawValue) -> Raw<'a> {
    let text = raw.get();
    Raw { text, at: text.as_ptr() as usize - content.as_ptr() as usize }
}

/// Reads an object by the names of its fields.
#[derive(Clone, Copy)]
pub(super) struct Named<const N: usize>(pub &'static [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Named<N> {
    type Value = Object<'de, N>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Named<N> {
    type Value = Object<'de, N>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut object = Object { fields: [None; N] };
        while let Some(name) = map.next_key_seed(Name(self.0))? {
            match name {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(i) if object.fields[i].is_some() => return Err(de::Error::duplicate_field(self.0[i])),
                Some(i) => object.fields[i] = Some(map.next_value()?),
            }
        }
        Ok(object)
    }
}

/// Looks a field's name up.
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|&known| known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_where_they_stand() {
        let text = r#"{"x":{"op":[1]},"o\u0070":"read","key": 7}"#;
        let object = Named(&["op", "key", "value"]).deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap();
        let key = object.get(1, text).unwrap();
        assert_eq!((key.text, key.at), ("7", 40));
        assert_eq!(object.get(0, text).unwrap().text, "\"read\"");
        assert!(object.get(2, text).is_none());
    }
}
