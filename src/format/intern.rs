//! Values as written become ids; equal values, equal ids.
//!
//! Composite values that are no collection of a list or set compare by canonical text: JSON where JSON can say it, EDN otherwise, with
//! the keys of maps and the members of sets sorted. A duplicate key or member is an error, as it is to Clojure.

use super::{
    Fault,
    form::{Tape, What},
};
use crate::history::{Tag, ValueId, Values};

/// The id of the value at an index.
pub(super) fn intern(tape: &Tape<'_>, index: usize, values: &mut Values) -> Result<ValueId, Fault> {
    Ok(match tape.what(index) {
        What::Nil => ValueId::NULL,
        What::Bool(value) => values.bool(*value),
        What::Int(value) => values.int(*value),
        What::Float(value) => values.float(*value),
        What::String(text) => values.string(text),
        What::Keyword(text) => values.text(Tag::Keyword, text),
        What::Symbol(text) => values.text(Tag::Symbol, text),
        What::Scalar(text) => values.text(Tag::Edn, text),
        What::Vector => {
            let elements = elements(tape, index, values)?;
            values.collection(&elements)
        }
        What::Set => {
            let members = elements(tape, index, values)?;
            values.set(members).ok_or_else(|| Fault::new(tape.at(index), "a set has the same member twice"))?
        }
        What::Map | What::Tagged(_) | What::Namespaced(_) => match json_text(tape, index)? {
            Some(text) => values.text(Tag::Json, &text),
            None => values.text(Tag::Edn, &edn_text(tape, index)?),
        },
    })
}

fn elements(tape: &Tape<'_>, index: usize, values: &mut Values) -> Result<Vec<ValueId>, Fault> {
    tape.children(index).map(|child| intern(tape, child, values)).collect()
}

/// The canonical JSON of a value; `None` where it has none. As deep as the tape, which is bounded.
pub(super) fn json_text(tape: &Tape<'_>, index: usize) -> Result<Option<String>, Fault> {
    Ok(Some(match tape.what(index) {
        What::Nil => "null".to_owned(),
        What::Bool(value) => value.to_string(),
        What::Int(value) => value.to_string(),
        What::Float(value) => float_text(*value),
        What::String(text) => json_string(text),
        What::Vector => {
            let mut parts = Vec::new();
            for child in tape.children(index) {
                match json_text(tape, child)? {
                    Some(text) => parts.push(text),
                    None => return Ok(None),
                }
            }
            format!("[{}]", parts.join(","))
        }
        What::Map => {
            let mut entries = Vec::new();
            let mut children = tape.children(index);
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                let What::String(name) = tape.what(key) else { return Ok(None) };
                match json_text(tape, value)? {
                    Some(text) => entries.push((json_string(name), text)),
                    None => return Ok(None),
                }
            }
            format!("{{{}}}", sorted(entries, ":", tape.at(index))?)
        }
        _ => return Ok(None),
    }))
}

/// The canonical EDN of a value. As deep as the tape, which is bounded.
pub(super) fn edn_text(tape: &Tape<'_>, index: usize) -> Result<String, Fault> {
    namespaced_text(tape, index, None)
}

fn namespaced_text(tape: &Tape<'_>, index: usize, namespace: Option<&str>) -> Result<String, Fault> {
    let parts = || tape.children(index).map(|child| edn_text(tape, child)).collect::<Result<Vec<_>, _>>();
    Ok(match tape.what(index) {
        What::Nil => "nil".to_owned(),
        What::Bool(value) => value.to_string(),
        What::Int(value) => value.to_string(),
        What::Float(value) => float_text(*value),
        What::String(text) => edn_string(text),
        What::Keyword(text) => format!(":{text}"),
        What::Symbol(text) => (*text).to_owned(),
        What::Scalar(text) => text.clone().into_owned(),
        What::Vector => format!("[{}]", parts()?.join(" ")),
        What::Set => {
            let members = parts()?.into_iter().map(|part| (part, String::new())).collect();
            format!("#{{{}}}", sorted(members, "", tape.at(index))?)
        }
        What::Map => {
            let mut entries = Vec::new();
            let mut children = tape.children(index);
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                let key = match (namespace, tape.what(key)) {
                    (Some(namespace), What::Keyword(name)) => format!(":{}", qualified(namespace, name)),
                    (Some(namespace), What::Symbol(name)) => qualified(namespace, name),
                    _ => edn_text(tape, key)?,
                };
                entries.push((key, edn_text(tape, value)?));
            }
            format!("{{{}}}", sorted(entries, " ", tape.at(index))?)
        }
        What::Tagged(tag) => format!("#{tag} {}", edn_text(tape, index + 1)?),
        What::Namespaced(namespace) => namespaced_text(tape, index + 1, Some(namespace))?,
    })
}

/// `name` in a namespace; `_/name` stays without one, and a name that has one keeps it.
fn qualified(namespace: &str, name: &str) -> String {
    match name.strip_prefix("_/") {
        Some(plain) => plain.to_owned(),
        None if name.len() > 1 && name.contains('/') => name.to_owned(),
        None => format!("{namespace}/{name}"),
    }
}

fn sorted(mut entries: Vec<(String, String)>, between: &str, at: usize) -> Result<String, Fault> {
    entries.sort_unstable();
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(Fault::new(at, format!("{} is there twice", pair[0].0)));
    }
    let comma = if between == ":" { "," } else { " " };
    let texts: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key}{between}{value}")).collect();
    Ok(texts.join(comma))
}

/// As the interner has it: with a point or an exponent, so that it is never an integer.
fn float_text(value: f64) -> String {
    format!("{value:?}")
}

pub(super) fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

pub(super) fn edn_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
