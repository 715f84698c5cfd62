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

/// The names of fields: reads objects by them.
pub(super) struct Names<const N: usize> {
    names: [&'static str; N],
    /// The first letters of each, which mostly tell.
    words: [u64; N],
}

impl<const N: usize> Names<N> {
    pub const fn new(names: [&'static str; N]) -> Self {
        let mut words = [0; N];
        let mut i = 0;
        while i < N {
            words[i] = first_letters(names[i].as_bytes(), names[i].len());
            i += 1;
        }
        Names { names, words }
    }

    /// The fields of an object that is all of a text; `None` where serde_json has to look at it, be it right or wrong.
    pub fn scan<'a>(&self, text: &'a str, object: &mut Object<'a, N>) -> Option<()> {
        let mut scan = Scan::new(text);
        self.object(&mut scan, object)?;
        scan.ends().then_some(())
    }

    /// The same for an array of objects: how many there are.
    pub fn scan_array<'a>(&self, text: &'a str, objects: &mut Vec<Object<'a, N>>) -> Option<usize> {
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

    #[inline]
    fn object<'a>(&self, scan: &mut Scan<'a>, object: &mut Object<'a, N>) -> Option<()> {
        object.present = 0;
        scan.members(b'{', b'}', |scan| {
            let (name, letters) = scan.name()?;
            let value = scan.value()?;
            if let Some(i) = self.place(name, first_letters(letters, name.len())) {
                if object.has(i) {
                    return None;
                }
                object.set(i, value);
            }
            Some(())
        })
    }

    /// Which of the names it is, with its first letters.
    #[inline]
    fn place(&self, name: &str, letters: u64) -> Option<usize> {
        // (A word has no room for a length: what is short and ends in nulls is like what does not.)
        let is = |known: &str| if name.len() < 8 { known.len() == name.len() } else { known == name };
        (0..N).find(|&i| self.words[i] == letters && is(self.names[i]))
    }
}

/// The first eight letters of a name of this length, fewer where it has not so many. What follows the name does not matter.
#[inline]
const fn first_letters(bytes: &[u8], length: usize) -> u64 {
    let word = match bytes.first_chunk::<8>() {
        Some(&letters) => u64::from_le_bytes(letters),
        None => {
            let (mut word, mut i) = (0, bytes.len());
            while i > 0 {
                i -= 1;
                word = word << 8 | bytes[i] as u64;
            }
            word
        }
    };
    if length < 8 { word & ((1 << (8 * length)) - 1) } else { word }
}

impl<'de, const N: usize> DeserializeSeed<'de> for &'static Names<N> {
    type Value = Object<'de, N>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for &'static Names<N> {
    type Value = Object<'de, N>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut object = Object::default();
        while let Some(name) = map.next_key_seed(Name(&self.names))? {
            match name {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(i) if object.has(i) => return Err(de::Error::duplicate_field(self.names[i])),
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
        static NAMES: Names<3> = Names::new(["op", "key", "value"]);
        let object = NAMES.deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap();
        let key = object.get(1, text).unwrap();
        assert_eq!((key.text, key.at), ("7", 40));
        assert_eq!(object.get(0, text).unwrap().text, "\"read\"");
        assert!(object.get(2, text).is_none());
    }

    #[test]
    fn names_are_told_apart() {
        let names = Names::new(["op", "o", "", "opinions", "opinion", "opinions differ", "opinions agree"]);
        for (i, name) in names.names.iter().enumerate() {
            for follows in ["", "\":1}", "\":\"what is longer than eight letters\"}"] {
                let letters = format!("{name}{follows}");
                assert_eq!(names.place(name, first_letters(letters.as_bytes(), name.len())), Some(i), "{name}");
            }
        }
        for name in ["opi", "p", "o\0", "\0", "op\0\0\0\0\0\0", "opinionz", "opinions  differ"] {
            assert_eq!(names.place(name, first_letters(name.as_bytes(), name.len())), None, "{name}");
        }
    }
}
