//! Values as EDN text, which reading gives back as they are.

use crate::{
    format::{
        form::Tape,
        intern::{edn_string, edn_text},
        json::Raw,
    },
    history::{Tag, Value, ValueId, Values},
};

/// A value; as deep as it nests, which reading bounds.
pub(in crate::format) fn value_text(values: &Values, value: ValueId) -> String {
    match values.get(value) {
        Value::Null => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(Tag::String, text) => edn_string(text),
        Value::Text(Tag::Keyword, text) => format!(":{text}"),
        Value::Text(Tag::Symbol | Tag::Edn, text) => text.to_owned(),
        Value::Text(Tag::Json, text) => json_as_edn(text),
        Value::Collection(elements) => {
            let parts: Vec<String> = elements.iter().map(|&element| value_text(values, element)).collect();
            format!("[{}]", parts.join(" "))
        }
    }
}

/// JSON text in EDN; text that cannot be had there as it is stays JSON, in a string.
pub(in crate::format) fn json_as_edn(text: &str) -> String {
    let mut tape = Tape::default();
    let built = Raw { text, at: 0 }.form(&mut tape).and_then(|index| edn_text(&tape, index));
    built.unwrap_or_else(|_| edn_string(text))
}
