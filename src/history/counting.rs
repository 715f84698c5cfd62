//! A column of numbers that as a rule count up by one: the lines of operations, the transactions of single operations.
//!
//! It takes no memory as long as they do; the first number that is not the next one writes all of them down.

/// A column of numbers.
#[derive(Clone, Default)]
pub(crate) struct Counting {
    /// The first number, where none is written down.
    start: u32,
    len: usize,
    /// All of them, or nothing while they count up.
    given: Vec<u32>,
}

impl Counting {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Do they count up by one from the first to the last? (They may also where they were written down.)
    pub fn counts(&self) -> bool {
        self.given.is_empty()
    }

    #[inline]
    pub fn get(&self, index: usize) -> u32 {
        match self.given.is_empty() {
            true => {
                debug_assert!(index < self.len);
                self.start + index as u32
            }
            false => self.given[index],
        }
    }

    #[inline]
    pub fn push(&mut self, number: u32) {
        if self.len == 0 {
            self.start = number;
        } else if !self.given.is_empty() || number.wrapping_sub(self.start) as usize != self.len {
            self.write_down();
            self.given.push(number);
        }
        self.len += 1;
    }

    /// Appends a part of another column, each number raised by so much, at most to the greatest.
    pub fn append(&mut self, other: &Counting, from: usize, raise: u32) {
        let Some(count) = other.len.checked_sub(from).filter(|&count| count > 0) else { return };
        let raised = |index: usize| other.get(index).saturating_add(raise);
        let counts = other.given.is_empty() && raised(other.len - 1) - raised(from) == count as u32 - 1;
        if self.len == 0 && counts {
            self.start = raised(from);
        } else if !(counts && self.given.is_empty() && raised(from).wrapping_sub(self.start) as usize == self.len) {
            self.write_down();
            self.given.extend((from..other.len).map(raised));
        }
        self.len += count;
    }

    fn write_down(&mut self) {
        if self.given.is_empty() {
            self.given.extend((0..self.len as u32).map(|index| self.start + index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(numbers: &[u32]) -> Counting {
        let mut column = Counting::default();
        numbers.iter().for_each(|&number| column.push(number));
        assert_eq!(numbers_of(&column), numbers);
        column
    }

    fn numbers_of(column: &Counting) -> Vec<u32> {
        (0..column.len()).map(|index| column.get(index)).collect()
    }

    #[test]
    fn numbers_that_count_up_take_no_memory() {
        assert!(column(&[3, 4, 5]).given.is_empty());
        assert_eq!(column(&[3, 4, 4, 5]).given.len(), 4);
        assert_eq!(column(&[3, 2]).given.len(), 2);
    }

    #[test]
    fn columns_are_appended() {
        let columns: [&[u32]; 7] = [&[], &[1], &[1, 2, 3], &[2, 1], &[4, 5], &[7, 7, 9], &[u32::MAX - 4, u32::MAX - 3]];
        for one in columns {
            for other in columns {
                for (from, raise) in [(0, 0), (0, 1), (0, 3), (1, 2), (0, 4)] {
                    let mut both = column(one);
                    both.append(&column(other), from, raise);
                    let raised = other.iter().skip(from).map(|&number| number.saturating_add(raise));
                    let expected: Vec<u32> = one.iter().copied().chain(raised).collect();
                    assert_eq!(numbers_of(&both), expected, "{one:?} {other:?} {from} {raise}");
                    both.push(8);
                    assert_eq!(both.get(both.len() - 1), 8);
                }
            }
        }
        let mut both = column(&[1, 2]);
        both.append(&column(&[1, 2]), 0, 2);
        assert!(both.given.is_empty());
    }
}
