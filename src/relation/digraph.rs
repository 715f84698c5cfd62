//! What laying out a graph and finding its cycles need to know of it.

/// A directed graph, walked against its edges.
pub(crate) trait Digraph {
    /// How many nodes.
    fn nodes(&self) -> usize;

    /// Calls back with where each edge into the node comes from. The order is fixed.
    fn sources(&self, node: u32, each: impl FnMut(u32));
}
