//! The time that a judgement may take. What was found before it ran out stands; what was not is unknown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A deadline shared by all threads of one judgement.
pub(crate) struct Budget {
    deadline: Option<Instant>,
    spent: AtomicBool,
}

/// The time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfBudget;

impl Budget {
    pub(crate) fn new(time: Duration) -> Self {
        // A budget beyond what the clock can count is none.
        Budget { deadline: Instant::now().checked_add(time), spent: AtomicBool::new(false) }
    }

    /// Looks at the clock. Call it every few thousand steps.
    pub(crate) fn check(&self) -> Result<(), OutOfBudget> {
        if self.spent.load(Ordering::Relaxed) {
            return Err(OutOfBudget);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => {
                self.spent.store(true, Ordering::Relaxed);
                Err(OutOfBudget)
            }
            _ => Ok(()),
        }
    }
}
