//! The names of sessions, keys and nodes, numbered in the order in which they first appear.
//!
//! Small integers and the first texts of the interner, which names as a rule are, are found in a table by their id; the rest by hash.

use rustc_hash::FxHashMap;

use super::ValueId;

/// Names and their numbers.
#[derive(Default)]
pub(crate) struct Names {
    /// By number.
    names: Vec<ValueId>,
    /// By slot: the number, or [`NONE`].
    table: Vec<u32>,
    others: FxHashMap<ValueId, u32>,
}

const NONE: u32 = u32::MAX;
/// Slots at most; half a mebibyte.
const SLOTS: usize = 1 << 17;

/// Integers have even slots, texts odd ones.
fn slot(name: ValueId) -> usize {
    name.0.rotate_left(1) as usize
}

impl Names {
    /// The number of a name, new or known.
    #[inline]
    pub fn number(&mut self, name: ValueId) -> u32 {
        match self.table.get(slot(name)) {
            Some(&number) if number != NONE => number,
            _ => self.add(name),
        }
    }

    fn add(&mut self, name: ValueId) -> u32 {
        let (slot, new) = (slot(name), self.names.len() as u32);
        if slot < SLOTS {
            if slot >= self.table.len() {
                self.table.resize((slot + 1).next_power_of_two(), NONE);
            }
            self.table[slot] = new;
        } else {
            let number = *self.others.entry(name).or_insert(new);
            if number != new {
                return number;
            }
        }
        self.names.push(name);
        new
    }

    /// The number of a name, where it has one.
    pub fn find(&self, name: ValueId) -> Option<u32> {
        match slot(name) {
            slot if slot < SLOTS => self.table.get(slot).copied().filter(|&number| number != NONE),
            _ => self.others.get(&name).copied(),
        }
    }

    /// By number.
    pub fn all(&self) -> &[ValueId] {
        &self.names
    }

    pub fn into_vec(self) -> Vec<ValueId> {
        self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_sort_keep_their_numbers() {
        let ids = [7, 0, 1 << 20, 1 << 31, (1 << 31) + 7, (1 << 31) + (1 << 20), u32::MAX, (1 << 31) | (1 << 30), 70_000, 65_535];
        let mut names = Names::default();
        for _ in 0..2 {
            for (number, &id) in ids.iter().enumerate() {
                assert_eq!(names.number(ValueId(id)), number as u32, "{id}");
            }
        }
        for (number, &id) in ids.iter().enumerate() {
            assert_eq!(names.find(ValueId(id)), Some(number as u32));
        }
        assert_eq!(names.find(ValueId(8)).or(names.find(ValueId(1 << 21))), None);
        assert_eq!(names.all(), ids.map(ValueId));
    }
}
