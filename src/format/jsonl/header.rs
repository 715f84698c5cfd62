//! The header of the native format: facts about the recording, on its first line.

use std::borrow::Cow;

use rustc_hash::FxHashSet;
use serde_json::value::RawValue;

use super::{
    field::{Field, Fields},
    read::Reader,
};
use crate::{
    format::{
        Fault,
        json::{Raw, without_place},
        object::raw_in,
    },
    history::ValueId,
};

impl<'a> Reader<'a> {
    /// Takes the header; `version` is its `testimony`.
    pub(super) fn header(&mut self, object: &Fields<'a>, version: Raw<'a>) -> Result<(), Fault> {
        if version.integer()? != Some(1) {
            return Err(version.expected("this build reads version 1 of the format"));
        }
        if let Some((field, raw)) = object.first_of(&[Field::Session, Field::Op, Field::Txn], self.content) {
            return Err(raw.fault(format!("`{}` in the header: it belongs on a line of its own", field.name())));
        }
        if let Some(about) = object.field(Field::About, self.content) {
            match about.string()? {
                Some(text) => self.builder.about(text.into_owned()),
                None => return Err(about.expected("`about` must be a string")),
            }
        }
        match object.field(Field::Initial, self.content) {
            Some(initial) => self.initial(initial),
            None => Ok(()),
        }
    }

    fn initial(&mut self, initial: Raw<'a>) -> Result<(), Fault> {
        let wrong = |error: serde_json::Error| {
            let expected = "`initial` must be {key: value}, [[key, value], …] or one scalar for all keys";
            Fault::new(initial.at + error.column().saturating_sub(1), format!("{expected}: {}", without_place(&error)))
        };
        let content = self.content;
        let mut declared = FxHashSet::default();
        match initial.text.as_bytes()[0] {
            b'{' => {
                let pairs: Pairs = serde_json::from_str(initial.text).map_err(wrong)?;
                for (name, value) in pairs.0 {
                    let key = self.builder.values.string(&name);
                    self.declare(&mut declared, initial, key, raw_in(content, value))?;
                }
            }
            b'[' => {
                let pairs: Vec<(&RawValue, &RawValue)> = serde_json::from_str(initial.text).map_err(wrong)?;
                for (key, value) in pairs {
                    let key = self.name(raw_in(content, key), "a key in `initial` must be a string, an integer or null", true)?;
                    self.declare(&mut declared, initial, key, raw_in(content, value))?;
                }
            }
            _ => {
                let value = initial.intern(&mut self.builder.values, &mut self.tape)?;
                self.builder.initial(None, value);
            }
        }
        Ok(())
    }

    fn declare(
        &mut self,
        declared: &mut FxHashSet<ValueId>,
        initial: Raw<'a>,
        key: ValueId,
        value: Raw<'a>,
    ) -> Result<(), Fault> {
        if !declared.insert(key) {
            let key = self.builder.values.display(key);
            return Err(initial.fault(format!("`initial` has key {key} twice")));
        }
        let value = value.intern(&mut self.builder.values, &mut self.tape)?;
        self.builder.initial(Some(key), value);
        Ok(())
    }
}

/// The entries of an object in their order, none lost.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> serde::de::Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Pairs<'de>, M::Error> {
                let mut pairs = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    pairs.push(entry);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}
