//! A value as it was written, JSON or EDN: a flat tape in preorder.
//!
//! Each item knows where its subtree ends, so a tree needs no boxes, dropping it no recursion, and one tape serves a whole file. The
//! depth of what is built is bounded by [`DEPTH`], which bounds every walk over it too.

use std::borrow::Cow;

/// How deep a value may nest.
pub(super) const DEPTH: usize = 128;

/// What an item is. Composite items are followed by their children.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What<'a> {
    /// `null`, `nil`.
    Nil,
    Bool(bool),
    Int(i128),
    /// Finite.
    Float(f64),
    String(Cow<'a, str>),
    /// Without its colon.
    Keyword(&'a str),
    Symbol(&'a str),
    /// A scalar that only EDN has (character, ratio, decimal, `##Inf`), in canonical text.
    Scalar(Cow<'a, str>),
    /// An array, vector or list.
    Vector,
    Set,
    /// Its children are keys and values in turn.
    Map,
    /// Its one child is what the tag is on.
    Tagged(&'a str),
    /// Its one child is a map whose plain keys are in this namespace.
    Namespaced(&'a str),
}

/// One item of a tape.
#[derive(Clone, Debug)]
struct Item<'a> {
    pub what: What<'a>,
    /// Where it begins, as an offset in the content.
    pub at: usize,
    /// The index after its subtree.
    pub end: usize,
}

/// Values one after another.
#[derive(Default, Debug)]
pub(super) struct Tape<'a> {
    items: Vec<Item<'a>>,
}

impl<'a> Tape<'a> {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Forgets what was appended after the tape had this length.
    pub fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }

    /// Appends an item without children, or one whose children follow; those are closed by [`Tape::close`].
    #[inline]
    pub fn push(&mut self, what: What<'a>, at: usize) -> usize {
        let index = self.items.len();
        self.items.push(Item { what, at, end: index + 1 });
        index
    }

    /// Ends the subtree of an item at the end of the tape.
    pub fn close(&mut self, index: usize) {
        self.items[index].end = self.items.len();
    }

    #[inline]
    pub fn what(&self, index: usize) -> &What<'a> {
        &self.items[index].what
    }

    pub fn at(&self, index: usize) -> usize {
        self.items[index].at
    }

    /// The indices of an item's children.
    pub fn children(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.items[index].end;
        let mut next = index + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.items[child].end;
            Some(child)
        })
    }

    /// The children of a vector of exactly so many.
    pub fn vector<const N: usize>(&self, index: usize) -> Option<[usize; N]> {
        if !matches!(self.items[index].what, What::Vector) {
            return None;
        }
        let mut children = self.children(index);
        let mut found = [0; N];
        for slot in &mut found {
            *slot = children.next()?;
        }
        children.next().is_none().then_some(found)
    }

    /// The text of a keyword, string or symbol: how names are written in one notation or another.
    pub fn name(&self, index: usize) -> Option<&str> {
        match &self.items[index].what {
            What::Keyword(text) | What::Symbol(text) => Some(text),
            What::String(text) => Some(text),
            _ => None,
        }
    }

    /// An item without the tags on it.
    pub fn untagged(&self, mut index: usize) -> usize {
        while matches!(self.items[index].what, What::Tagged(_)) {
            index += 1;
        }
        index
    }
}
