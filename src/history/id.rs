//! Typed, dense ids. Each is a `u32` index into the columns of one [`History`](super::History); mixing an operation's id with a
//! session's does not compile, and `Option<Id>` costs nothing.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, num::NonZeroU32};

/// An index into a column of a history. `Of` only tells the kinds apart.
pub struct Id<Of> {
    /// The index plus one, so that zero is free for `None`.
    raw: NonZeroU32,
    of: PhantomData<fn() -> Of>,
}

/// Marks ids of sessions.
pub enum Session {}
/// Marks ids of transactions.
pub enum Txn {}
/// Marks ids of operations.
pub enum Op {}
/// Marks ids of keys.
pub enum Key {}
/// Marks ids of nodes (replicas).
pub enum Node {}

/// A session: whoever issued operations one after another.
pub type SessionId = Id<Session>;
/// A transaction, or a bare operation seen as a transaction of one. Numbered in file order.
pub type TxnId = Id<Txn>;
/// An operation. Numbered in file order from 0, as in the JSON report.
pub type OpId = Id<Op>;
/// A key.
pub type KeyId = Id<Key>;
/// A node (replica) that answered operations.
pub type NodeId = Id<Node>;

impl<Of> Id<Of> {
    /// The id of an index. Panics beyond `u32::MAX - 1`; the builder refuses such histories before it gets here.
    #[inline]
    pub fn new(index: usize) -> Self {
        let raw = u32::try_from(index + 1).ok().and_then(NonZeroU32::new).expect("an id fits 32 bits");
        Id { raw, of: PhantomData }
    }

    /// The index.
    #[inline]
    pub fn index(self) -> usize {
        (self.raw.get() - 1) as usize
    }
}

impl<Of> Clone for Id<Of> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}
impl<Of> Copy for Id<Of> {}
impl<Of> PartialEq for Id<Of> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}
impl<Of> Eq for Id<Of> {}
impl<Of> PartialOrd for Id<Of> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<Of> Ord for Id<Of> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw.cmp(&other.raw)
    }
}
impl<Of> hash::Hash for Id<Of> {
    #[inline]
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}
impl<Of> fmt::Debug for Id<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optional_id_costs_nothing() {
        assert_eq!(size_of::<Option<OpId>>(), 4);
        assert_eq!(OpId::new(7).index(), 7);
    }
}
