//! The known fields of a JSON object, each as the text that stands there.
//!
//! A visitor written by hand over serde_json: unknown fields are skipped without building them, a known field given twice is an error,
//! and nothing is allocated for an object. Plain objects are [scanned](super::scan) without serde_json, to the same effect.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{json::Raw, scan::Scan};

/// The fields of an object that have names in a list, by their place in it.
#[derive(Clone, Copy)]
pub(super) struct Object<'a, const N: usize> {
    fields: [Option<&'a str>; N],
}

impl<'a, const N: usize> Object<'a, N> {
    /// A field, as a piece of the content.
    pub fn get(&self, field: usize, content: &str) -> Option<Raw<'a>> {
        self.fields[field].map(|text| text_in(content, text))
    }
}

/// A value that serde_json found.
pub(super) fn raw_in<'a>(content: &str, raw: &'a RawValue) -> Raw<'a> {
    text_in(content, raw.get())
}

/// Values are borrowed from the content: the place of one is the difference of two addresses.
fn text_in<'a>(content: &str, text: &'a str) -> Raw<'a> {
    Raw { text, at: text.as_ptr() as usize - content.as_ptr() as usize }
}

/// Reads an object by the names of its fields.
#[derive(Clone, Copy)]
pub(super) struct Named<const N: usize>(pub &'static [&'static str; N]);

impl<const N: usize> Named<N> {
    /// The fields of an object that is all of a text; `None` where serde_json has to look at it, be it right or wrong.
    pub fn scan<'a>(self, text: &'a str) -> Option<Object<'a, N>> {
        let mut scan = Scan::new(text);
        let object = self.object(&mut scan)?;
        scan.ends().then_some(object)
    }

    /// The same for an array of objects.
    pub fn scan_array<'a>(self, text: &'a str, found: &mut Vec<Object<'a, N>>) -> Option<()> {
        let mut scan = Scan::new(text);
        scan.members(b'[', b']', |scan| {
            found.push(self.object(scan)?);
            Some(())
        })?;
        scan.ends().then_some(())
    }

    fn object<'a>(self, scan: &mut Scan<'a>) -> Option<Object<'a, N>> {
        let mut object = Object { fields: [None; N] };
        scan.members(b'{', b'}', |scan| {
            let name = scan.name()?;
            let value = scan.value()?;
            if let Some(i) = self.0.iter().position(|known| is_alike(known, name) && *known == name) {
                let twice = object.fields[i].replace(value).is_some();
                return (!twice).then_some(());
            }
            Some(())
        })?;
        Some(object)
    }
}

/// Have they the same length and first letter? Tells nearly all names apart.
#[inline]
fn is_alike(known: &str, name: &str) -> bool {
    known.len() == name.len() && known.as_bytes().first() == name.as_bytes().first()
}

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
                Some(i) => object.fields[i] = Some(map.next_value::<&RawValue>()?.get()),
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
