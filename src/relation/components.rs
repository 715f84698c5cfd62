//! Strongly connected components (Tarjan 1972), iterative: histories hold chains of millions, which no call stack does.

use super::budget::{Budget, OutOfBudget};
use super::digraph::Digraph;

/// The components of two nodes or more, and single nodes that lead to themselves; each ascending, in the order of their first nodes.
pub(crate) fn cyclic_components(graph: &impl Digraph, budget: &Budget) -> Result<Vec<Vec<u32>>, OutOfBudget> {
    const UNSEEN: u32 = u32::MAX;
    let nodes = graph.nodes();
    let mut index = vec![UNSEEN; nodes];
    let mut low = vec![0u32; nodes];
    let mut on_stack = vec![false; nodes];
    let mut stack: Vec<u32> = Vec::new();
    // What recursion would have on its stack: a node, and the sources of its edges that are still to be looked at (edges can only be
    // listed all at once). Lists are used again, so that their memory is that of the deepest path.
    let mut calls: Vec<(u32, Vec<u32>)> = Vec::new();
    let mut spare: Vec<Vec<u32>> = Vec::new();
    let mut found = Vec::new();
    let mut next = 0u32;
    for root in 0..nodes as u32 {
        if index[root as usize] != UNSEEN {
            continue;
        }
        let mut open = |node: u32, index: &mut [u32], low: &mut [u32], spare: &mut Vec<Vec<u32>>| {
            index[node as usize] = next;
            low[node as usize] = next;
            next += 1;
            let mut sources = spare.pop().unwrap_or_default();
            graph.sources(node, |from| sources.push(from));
            sources
        };
        if root % 4096 == 0 {
            budget.check()?;
        }
        let sources = open(root, &mut index, &mut low, &mut spare);
        stack.push(root);
        on_stack[root as usize] = true;
        calls.push((root, sources));
        while let Some((node, sources)) = calls.last_mut() {
            let node = *node;
            if let Some(from) = sources.pop() {
                if index[from as usize] == UNSEEN {
                    let sources = open(from, &mut index, &mut low, &mut spare);
                    stack.push(from);
                    on_stack[from as usize] = true;
                    calls.push((from, sources));
                } else if on_stack[from as usize] {
                    low[node as usize] = low[node as usize].min(index[from as usize]);
                }
                continue;
            }
            let (_, done) = calls.pop().expect("looked at");
            spare.push(done);
            if let Some((caller, _)) = calls.last() {
                low[*caller as usize] = low[*caller as usize].min(low[node as usize]);
            }
            if low[node as usize] == index[node as usize] {
                let mut component = Vec::new();
                loop {
                    let member = stack.pop().expect("the root of a component is on the stack");
                    on_stack[member as usize] = false;
                    component.push(member);
                    if member == node {
                        break;
                    }
                }
                let mut cyclic = component.len() > 1;
                if !cyclic {
                    graph.sources(node, |from| cyclic |= from == node);
                }
                if cyclic {
                    component.sort_unstable();
                    found.push(component);
                }
            }
        }
    }
    found.sort_unstable_by_key(|component| component[0]);
    Ok(found)
}
