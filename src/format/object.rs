//! The known fields of a JSON object, each as the text that stands there.
//!
//! A visitor written by hand over serde_json: unknown fields are skipped without building them, a known field given twice is an error,
//! and nothing is allocated for an object. Plain objects are [scanned](super::scan) without serde_json, to the same effect.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{json::Raw, scan::Scan};

/// The fields of an object that have names in a list, by their place in it. One is made and filled again and again: it is large, and few
/// of its fields are there.
pub(super) struct Object<'a, const N: usize> {
    /// A bit for each field that is there; what stands in the place of another means nothing.
    present: u32,
    fields: [&'a str; N],
}

impl<const N: usize> Default for Object<'_, N> {
    fn default() -> Self {
        const { assert!(N <= u32::BITS as usize) };
        Object { present: 0, fields: [""; N] }
    }
}

impl<'a, const N: usize> Object<'a, N> {
    /// A field, as a piece of the content.
    #[inline]
    pub fn get(&self, field: usize, content: &str) -> Option<Raw<'a>> {
        self.has(field).then(|| text_in(content, self.fields[field]))
    }

    #[inline]
    fn has(&self, field: usize) -> bool {
        self.present >> field & 1 == 1
    }

    #[inline]
    fn set(&mut self, field: usize, text: &'a str) {
        self.present |= 1 << field;
        self.fields[field] = text;
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
    pub fn scan<'a>(self, text: &'a str, object: &mut Object<'a, N>) -> Option<()> {
        let mut scan = Scan::new(text);
        self.object(&mut scan, object)?;
        scan.ends().then_some(())
    }

    /// The same for an array of objects: how many there are.
    pub fn scan_array<'a>(self, text: &'a str, objects: &mut Vec<Object<'a, N>>) -> Option<usize> {
        let mut scan = Scan::new(text);
        let mut found = 0;
        scan.members(b'[', b']', |scan| {
            if found == objects.len() {
                objects.push(Object::default());
            }
            self.object(scan, &mut objects[found])?;
            found += 1;
            Some(())
        })?;
        scan.ends().then_some(found)
    }

    fn object<'a>(self, scan: &mut Scan<'a>, object: &mut Object<'a, N>) -> Option<()> {
        object.present = 0;
        scan.members(b'{', b'}', |scan| {
            let name = scan.name()?;
            let value = scan.value()?;
            if let Some(i) = self.0.iter().position(|known| is_alike(known, name) && *known == name) {
                if object.has(i) {
                    return None;
                }
                object.set(i, value);
            }
            Some(())
        })
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
        let mut object = Object::default();
        while let Some(name) = map.next_key_seed(Name(self.0))? {
            match name {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(i) if object.has(i) => return Err(de::Error::duplicate_field(self.0[i])),
                Some(i) => object.set(i, map.next_value::<&RawValue>()?.get()),
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
