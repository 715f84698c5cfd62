//! Values, and the interner that turns each distinct one into a [`ValueId`].
//!
//! Two values are equal when they are the same JSON (1, 1.0 and "1" differ); EDN adds keywords and symbols, which differ from the
//! strings that they are reported as. Small non-negative integers are their own id, so the common history interns nothing; all else
//! goes into one byte arena found by a hash table of `u32`s. Cost: O(length) a value, no allocation once the arena has grown.

use std::hash::{BuildHasher, Hasher};

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap};

/// The id of an interned value: equal ids, equal values.
///
/// Below 2³¹ it is that integer; above, an index into the interner. [`ValueId::NULL`] is `null`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ValueId(pub u32);

const INTERNED: u32 = 1 << 31;
const COLLECTION: u32 = 1 << 30;

impl ValueId {
    /// `null`: absent.
    pub const NULL: ValueId = ValueId(u32::MAX);

    /// The integer that it is, where that is small and not negative.
    #[inline]
    pub(crate) fn small(self) -> Option<u32> {
        (self.0 & INTERNED == 0).then_some(self.0)
    }
}

/// What an interned text stands for. The first byte of every arena entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Tag {
    /// A JSON string; the text is its content, unescaped.
    String = b's',
    /// Any other JSON in canonical form (big or negative integer, float, boolean, object).
    Json = b'j',
    /// An EDN keyword, without its colon.
    Keyword = b'k',
    /// An EDN symbol.
    Symbol = b'y',
    /// Any other EDN (character, tagged literal, map with non-string keys …) in canonical EDN text.
    Edn = b'e',
}

/// A value looked up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// A small integer.
    Int(u32),
    /// Text with its tag.
    Text(Tag, &'a str),
    /// The elements of an array, list, vector or set, in the order recorded.
    Collection(&'a [ValueId]),
}

/// Why a value can't be held.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error("more than {0} distinct values or elements")]
pub struct TooManyValues(pub u32);

/// Interns values. One per history.
#[derive(Default, Clone)]
pub struct Values {
    /// The entries one after another: a tag byte, then the text.
    arena: Vec<u8>,
    /// Entry i is `arena[ends[i - 1]..ends[i]]`.
    ends: Vec<usize>,
    /// The hash of each entry: a table that grows, or is absorbed by another, does not look at the entries again.
    hashes: Vec<u32>,
    table: HashTable<u32>,
    /// The elements of all collections one after another.
    elements: Vec<ValueId>,
    /// Collection i is `elements[collection_ends[i - 1]..collection_ends[i]]`.
    collection_ends: Vec<u32>,
    collections: FxHashMap<Box<[ValueId]>, u32>,
    /// Was there a set of other members than small integers?
    sets_of_texts: bool,
}

impl Values {
    /// An empty interner.
    pub fn new() -> Self {
        Self::default()
    }

    /// Interns an integer, exactly.
    pub fn int(&mut self, value: i128) -> ValueId {
        if (0..INTERNED as i128).contains(&value) {
            return ValueId(value as u32);
        }
        self.text(Tag::Json, &value.to_string())
    }

    /// Interns a string.
    pub fn string(&mut self, value: &str) -> ValueId {
        self.text(Tag::String, value)
    }

    /// Interns a boolean.
    pub fn bool(&mut self, value: bool) -> ValueId {
        self.text(Tag::Json, if value { "true" } else { "false" })
    }

    /// Interns a floating-point number; it never equals an integer. Must be finite.
    pub fn float(&mut self, value: f64) -> ValueId {
        let mut text = format!("{value:?}");
        if !text.contains(['.', 'e', 'n', 'i']) {
            text.push_str(".0");
        }
        self.text(Tag::Json, &text)
    }

    /// Interns a tagged text. Panics beyond 2³⁰ distinct texts, which no 32-bit history reaches before its operations run out.
    pub fn text(&mut self, tag: Tag, text: &str) -> ValueId {
        let hash = hash_of(tag as u8, text.as_bytes());
        let is_it = |entry: &[u8]| entry[0] == tag as u8 && &entry[1..] == text.as_bytes();
        self.intern(hash, is_it, |arena| {
            arena.push(tag as u8);
            arena.extend_from_slice(text.as_bytes());
        })
    }

    /// Interns the entry of a hash.
    #[inline]
    fn intern(&mut self, hash: u32, is_it: impl Fn(&[u8]) -> bool, write: impl FnOnce(&mut Vec<u8>)) -> ValueId {
        let (arena, ends, hashes) = (&self.arena, &self.ends, &self.hashes);
        let is_it = |&i: &u32| hashes[i as usize] == hash && is_it(entry(arena, ends, i));
        if let Some(&i) = self.table.find(spread(hash), is_it) {
            return ValueId(INTERNED | i);
        }
        let i = self.ends.len() as u32;
        assert!(i < COLLECTION - 1, "{}", TooManyValues(COLLECTION));
        write(&mut self.arena);
        self.ends.push(self.arena.len());
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.table.insert_unique(spread(hash), i, |&i| spread(hashes[i as usize]));
        ValueId(INTERNED | i)
    }

    /// Interns a collection by its elements in order: equal sequences, equal ids.
    pub fn collection(&mut self, elements: &[ValueId]) -> ValueId {
        if let Some(&i) = self.collections.get(elements) {
            return ValueId(INTERNED | COLLECTION | i);
        }
        let i = self.collection_ends.len() as u32;
        assert!(i < COLLECTION - 1, "{}", TooManyValues(COLLECTION));
        self.elements.extend_from_slice(elements);
        let end = u32::try_from(self.elements.len()).expect("fewer than 2^32 elements");
        self.collection_ends.push(end);
        self.collections.insert(elements.into(), i);
        ValueId(INTERNED | COLLECTION | i)
    }

    /// Interns a set by its members, which are sorted; `None` where one is there twice.
    pub(crate) fn set(&mut self, mut members: Vec<ValueId>) -> Option<ValueId> {
        members.sort_unstable();
        self.sets_of_texts |= members.last().is_some_and(|last| last.0 >= INTERNED);
        let twice = members.windows(2).any(|pair| pair[0] == pair[1]);
        (!twice).then(|| self.collection(&members))
    }

    /// Was there a set of other members than small integers? The order of those depends on what was interned when.
    pub(crate) fn has_sets_of_texts(&self) -> bool {
        self.sets_of_texts
    }

    /// Interns all that another interner holds, in its order.
    pub(crate) fn absorb(&mut self, other: Values) -> Absorbed {
        let mut absorbed = Absorbed { texts: Vec::with_capacity(other.ends.len()), collections: Vec::new() };
        for i in 0..other.ends.len() as u32 {
            let new = entry(&other.arena, &other.ends, i);
            absorbed.texts.push(self.intern(
                other.hashes[i as usize],
                |entry| entry == new,
                |arena| arena.extend_from_slice(new),
            ));
        }
        let mut elements = Vec::new();
        let mut start = 0;
        for &end in &other.collection_ends {
            // What a collection holds was interned before it.
            elements.clear();
            elements.extend(other.elements[start..end as usize].iter().map(|&element| absorbed.of(element)));
            absorbed.collections.push(self.collection(&elements));
            start = end as usize;
        }
        absorbed
    }

    /// Looks a value up.
    pub fn get(&self, id: ValueId) -> Value<'_> {
        if id == ValueId::NULL {
            Value::Null
        } else if id.0 & INTERNED == 0 {
            Value::Int(id.0)
        } else if id.0 & COLLECTION == 0 {
            let entry = entry(&self.arena, &self.ends, id.0 & !INTERNED);
            let tag = match entry[0] {
                b's' => Tag::String,
                b'j' => Tag::Json,
                b'k' => Tag::Keyword,
                b'y' => Tag::Symbol,
                _ => Tag::Edn,
            };
            Value::Text(tag, std::str::from_utf8(&entry[1..]).expect("only strings are interned"))
        } else {
            let i = (id.0 & !(INTERNED | COLLECTION)) as usize;
            let start = if i == 0 { 0 } else { self.collection_ends[i - 1] as usize };
            Value::Collection(&self.elements[start..self.collection_ends[i] as usize])
        }
    }

    /// Is it an array, list, vector or set?
    pub fn is_collection(id: ValueId) -> bool {
        id != ValueId::NULL && id.0 & (INTERNED | COLLECTION) == (INTERNED | COLLECTION)
    }

    /// The value as JSON, as reports show it: a keyword `:x` becomes ":x", a symbol its name.
    pub fn json(&self, id: ValueId) -> serde_json::Value {
        use serde_json::Value as Json;
        match self.get(id) {
            Value::Null => Json::Null,
            Value::Int(i) => i.into(),
            Value::Text(Tag::String | Tag::Symbol | Tag::Edn, text) => text.into(),
            Value::Text(Tag::Keyword, text) => format!(":{text}").into(),
            // Integers beyond 64 bits have no exact serde_json number: their digits are shown as text.
            Value::Text(Tag::Json, text) => serde_json::from_str(text)
                .ok()
                .filter(|json: &Json| !json.is_f64() || text.contains(['.', 'e']))
                .unwrap_or_else(|| text.into()),
            // Collections hold scalars or other collections; depth was bounded when they were read.
            Value::Collection(elements) => elements.iter().map(|&e| self.json(e)).collect(),
        }
    }

    /// The value as one line of JSON text.
    pub fn display(&self, id: ValueId) -> String {
        match self.get(id) {
            Value::Text(Tag::Json, text) => text.to_owned(),
            Value::Collection(elements) => {
                let parts: Vec<String> = elements.iter().map(|&e| self.display(e)).collect();
                format!("[{}]", parts.join(","))
            }
            _ => self.json(id).to_string(),
        }
    }
}

fn entry<'a>(arena: &'a [u8], ends: &[usize], i: u32) -> &'a [u8] {
    let i = i as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &arena[start..ends[i]]
}

fn hash_of(tag: u8, text: &[u8]) -> u32 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write_u8(tag);
    hasher.write(text);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

/// As many bits as the table looks at.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The ids that the values of another interner have here.
pub(crate) struct Absorbed {
    texts: Vec<ValueId>,
    collections: Vec<ValueId>,
}

impl Absorbed {
    /// Has every value the id that it had?
    pub fn is_identity(&self) -> bool {
        self.texts.is_empty() && self.collections.is_empty()
    }

    /// The id here of an id there.
    #[inline]
    pub fn of(&self, id: ValueId) -> ValueId {
        if id.0 & INTERNED == 0 || id == ValueId::NULL {
            id
        } else if id.0 & COLLECTION == 0 {
            self.texts[(id.0 & !INTERNED) as usize]
        } else {
            self.collections[(id.0 & !(INTERNED | COLLECTION)) as usize]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_json_is_one_id_and_different_json_is_two() {
        let mut v = Values::new();
        let ids = [
            v.int(1),
            v.float(1.0),
            v.string("1"),
            v.text(Tag::Keyword, "1"),
            v.text(Tag::Symbol, "1"),
            v.int(-1),
            v.int(1 << 31),
            v.int(i128::MAX),
            v.bool(true),
            v.string("true"),
            ValueId::NULL,
            v.string("null"),
        ];
        for (i, a) in ids.iter().enumerate() {
            for (j, b) in ids.iter().enumerate() {
                assert_eq!(a == b, i == j, "{i} {j}");
            }
        }
        assert_eq!(v.string("1"), ids[2]);
        assert_eq!(v.int(i128::MAX), ids[7]);
        assert_eq!(v.display(ids[7]), i128::MAX.to_string());
        assert_eq!(v.display(ids[1]), "1.0");
        assert_eq!(v.display(ids[3]), "\":1\"");
    }

    #[test]
    fn collections_compare_by_their_elements() {
        let mut v = Values::new();
        let (one, x) = (v.int(1), v.string("x"));
        let a = v.collection(&[one, x]);
        assert_eq!(a, v.collection(&[one, x]));
        assert_ne!(a, v.collection(&[x, one]));
        assert_ne!(v.collection(&[]), ValueId::NULL);
        assert_eq!(v.display(a), "[1,\"x\"]");
        assert!(Values::is_collection(a) && !Values::is_collection(x));
    }
}
