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

    /// Two thirds of the time that is left: for what may take long and must leave some to others.
    pub(crate) fn most(&self) -> Self {
        let now = Instant::now();
        let deadline = self.deadline.map(|deadline| now + deadline.saturating_duration_since(now) * 2 / 3);
        Budget { deadline, spent: AtomicBool::new(self.spent.load(Ordering::Relaxed)) }
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
